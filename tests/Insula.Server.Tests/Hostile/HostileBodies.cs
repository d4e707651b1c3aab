using System.Text;
using System.Text.Json.Nodes;

namespace Insula.Server.Tests.Hostile;

/// <summary>Bodies from good JSON bent a little to bytes of no meaning.</summary>
public sealed class HostileBodies(Random random)
{
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "1.5", "99999999999999999999999999", "\"\"", "[]", "{}", "[[[[]]]]", "\"\\u0000\"", "\"\\ud83d\"", "\"\\ud83d\\ude00\"", "\"\u202e\"", "\"../../etc/passwd\"",
        "\"'; drop table sessions; --\"", "\"${jndi:ldap://x}\"", "\"{{7*7}}\"", "[null]", "{\"type\":\"agent\"}", "{\"type\":\"text\",\"text\":\"x\"}", "{\"$type\":\"System.Object\"}", "[1,\"a\",null,{}]",
        "\"user.message\"", "\"user.interrupt\"", "\"user.tool_confirmation\"", "NaN", "undefined", "'single'", "\"9999-12-31T23:59:59.9999999Z\"", "\"0001-01-01T00:00:00+14:00\"",
    ];

    private static readonly string[] Wholes =
    [
        "", " ", "null", "[]", "\"text\"", "{", "}", "{}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}{\"b\":2}", "{\"name\":\"a\",\"name\":\"b\"}", "[{}]", "\ufeff{}", "/* */{}", "{\"__proto__\":{}}",
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n# Title\r\ntext\r\n--b--\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../x\"\r\nContent-Type: application/octet-stream\r\n\r\n\0\u0001\u0002\r\n--b--\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno end",
        "{\"events\":[{\"type\":\"user.tool_confirmation\",\"tool_use_id\":\"sevt_0000000000000000000000\",\"result\":\"allow\"}]}",
        "{\"events\":[{\"type\":\"user.interrupt\"}]}", "{\"events\":[]}", "{\"events\":[null]}", "{\"events\":{}}", "{\"agent\":{\"type\":\"agent\"},\"environment_id\":7}",
    ];

    public byte[] Next(string? template, IReadOnlyDictionary<string, string> ids)
    {
        var good = template ?? "{\"name\":\"x\"}";
        foreach (var (name, id) in ids) good = good.Replace($"{{{name}}}", id, StringComparison.Ordinal);
        return random.Next(20) switch
        {
            0 => Bytes(random.Next(200)),
            1 => Encoding.UTF8.GetBytes(Wholes[random.Next(Wholes.Length)]),
            2 => Encoding.UTF8.GetBytes(new string('[', 5_000)),
            3 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 200)) + "1" + new string('}', 200)),
            4 => Encoding.Unicode.GetBytes(good),
            5 => Torn(Encoding.UTF8.GetBytes(good)),
            6 => random.Next(10) == 0 ? Encoding.UTF8.GetBytes("{\"name\":\"" + new string('n', 1_100_000) + "\"}") : Encoding.UTF8.GetBytes("{\"name\":\"" + new string('n', 20_000) + "\"}"),
            7 or 8 or 9 => Encoding.UTF8.GetBytes(good),
            _ => Encoding.UTF8.GetBytes(Bent(good)),
        };
    }

    /// <summary>Good JSON with one to three members changed for something else, added or taken away.</summary>
    private string Bent(string good)
    {
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            if (JsonNode.Parse(good) is not JsonObject root) return good;
            var (parent, name) = AnyMember(root);
            const string Mark = "@@here@@";
            switch (random.Next(4))
            {
                case 0:
                    parent.Remove(name);
                    return root.ToJsonString();
                case 1:
                    parent[Odd()] = Mark;
                    break;
                default:
                    parent[name] = Mark;
                    break;
            }

            // Put in as text, because most of it is no JSON that a node could hold.
            good = root.ToJsonString().Replace($"\"{Mark}\"", Values[random.Next(Values.Length)], StringComparison.Ordinal);
            if (!IsJson(good)) return good;
        }

        return good;
    }

    private (JsonObject Parent, string Name) AnyMember(JsonObject root)
    {
        var all = Members(root).ToList();
        return all.Count == 0 ? (root, "name") : all[random.Next(all.Count)];
    }

    private static IEnumerable<(JsonObject Parent, string Name)> Members(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(pair => Members(pair.Value).Prepend((members, pair.Key))),
        JsonArray items => items.SelectMany(Members),
        _ => [],
    };

    private string Odd() => random.Next(5) switch { 0 => "", 1 => "\0", 2 => "metadata", 3 => "initial_events", _ => "x\u202ey" };

    private byte[] Torn(byte[] bytes)
    {
        var torn = bytes[..random.Next(1, bytes.Length)];
        torn[random.Next(torn.Length)] = (byte)random.Next(256);
        return torn;
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Whether a node can hold it and give it back; half a surrogate pair, for one, parses and cannot be written.</summary>
    private static bool IsJson(string text)
    {
        try
        {
            return JsonNode.Parse(text)?.ToJsonString() is not null;
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }
}
