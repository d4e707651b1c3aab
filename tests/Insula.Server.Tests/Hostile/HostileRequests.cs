using System.Globalization;
using System.Text;
using Insula.Server.Tests.Isolation;

namespace Insula.Server.Tests.Hostile;

/// <summary>Keys and ids that the generator mixes.</summary>
/// <param name="Keys">Of the attacker: one that may do all in its own tenant, one that may only read.</param>
/// <param name="OwnIds">Of the attacker; the key among them is another than <paramref name="Keys"/>, which would end themselves.</param>
/// <param name="OperatorsIds">Of a third tenant: the operator may change whatever it names, so it never names the victim.</param>
public sealed record HostileMaterial(
    IReadOnlyList<string> Keys,
    string OperatorKey,
    IReadOnlyDictionary<string, string> VictimIds,
    IReadOnlyDictionary<string, string> OwnIds,
    IReadOnlyDictionary<string, string> OperatorsIds);

/// <summary>
/// Makes requests that nobody means well with: the routes of the table, with ids, headers, bodies, encodings and sizes
/// bent, and now and then bytes that are no HTTP at all. The same seed gives the same requests, so that a failure can be
/// repeated by its number.
/// </summary>
public sealed class HostileRequests(int seed, HostileMaterial material)
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get"];

    private static readonly string[] Queries =
    [
        "limit=-1", "limit=0", "limit=99999999999999999999", "limit=1e3", "limit=5&limit=6", "limit=%00", "page=garbage", "page=AAAA", "page=%FF%FE", "page=" + "x", "page=a&page=b",
        "created_at[gte]=tomorrow", "created_at[gte]=2026-01-01T00:00:00Z&created_at[lt]=0001-01-01T00:00:00Z", "created_at[gt]=9999-12-31T23:59:59.9999999Z", "statuses[]=nothing",
        "statuses=idle&statuses=", "types[]=user.message", "order=sideways", "include_archived=perhaps", "version=-1", "version=99999999999", "agent_id=%27%20or%201=1--", "agent_version=x",
        "event_deltas[]=agent.message", "last_event_id=-5", "beta=true", "status=active", "name=%25", "plan=%27;drop%20table%20tenants", "%", "&&&===", "a[b[c=d",
    ];

    private static readonly string[] BadKeys =
    [
        "", "null", "Bearer", "sk_tenant_", "sk_tenant_aaaaaaaaaaaa_", "sk_platform_' or 1=1 --", "sk_tenant_000000000000_00000000000000000000000000000000000000",
        "é\u0001ü", new string('A', 1024), new string('k', 8000), "sk_tenant_%00", "..", "{}",
    ];

    private static readonly string[] ContentTypes =
    [
        "application/json", "application/json", "application/json", "application/json", "application/json; charset=utf-8", "application/json;charset=utf-7", "application/vnd.x+json",
        "text/plain", "application/xml", "multipart/form-data; boundary=b", "multipart/form-data", "application/x-www-form-urlencoded", "", ";;;", "application/json, application/json",
    ];

    private static readonly string[] OddHeaders =
    [
        "Last-Event-ID: -1", "Last-Event-ID: 99999999999999999999", "Last-Event-ID: \u00e9", "Accept: application/xml", "Accept: ;q=", "Expect: 100-continue", "Range: bytes=0-0",
        "If-None-Match: *", "Idempotency-Key: " + "k", "X-HTTP-Method-Override: DELETE", "X-Forwarded-For: 127.0.0.1", "X-Original-URL: /api/v1/tenants", "traceparent: 00-zz-zz-01",
        "anthropic-version: 1", "anthropic-beta: " + "managed-agents-2026-04-01,unknown", "anthropic-workspace-id: tnt_0000000000000000000000", "Cookie: a=b; =; ;", "Content-Encoding: gzip",
        "Host: evil.example", "Upgrade: h2c", "Forwarded: for=127.0.0.1", "Origin: null",
    ];

    private readonly Random _random = new(seed);
    private readonly HostileBodies _bodies = new(new Random(seed + 1));
    private int _number;

    public HostileRequest Next()
    {
        var number = _number++;
        return _random.Next(8) == 0 ? Malformed(number) : WellFormed(number);
    }

    private HostileRequest WellFormed(int number)
    {
        var row = Pick(RouteTable.Rows);
        var asOperator = _random.Next(12) == 0;
        var method = _random.Next(10) == 0 ? Pick(Methods) : row.Method;
        var target = Target(row, asOperator);
        var body = _random.Next(6) == 0 && row.Body is null ? [] : _bodies.Next(row.Body, Ids(asOperator));
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        foreach (var credential in Credentials(asOperator)) head.Append(credential).Append("\r\n");
        if (body.Length > 0 || _random.Next(4) == 0)
        {
            head.Append("Content-Length: ").Append(body.Length.ToString(CultureInfo.InvariantCulture)).Append("\r\n");
            head.Append("Content-Type: ").Append(Pick(ContentTypes)).Append("\r\n");
        }

        var host = false;
        for (var i = _random.Next(3); i > 0; i--)
        {
            var odd = Pick(OddHeaders);
            host |= odd.StartsWith("Host:", StringComparison.Ordinal);
            head.Append(odd).Append("\r\n");
        }

        // Two hosts, or a method in another case, are against the rules of HTTP: closing without a word is allowed.
        var keepsTheRules = !host && head.ToString().All(static c => c is '\r' or '\n' or (>= ' ' and < (char)0x7f));
        return new HostileRequest(number, [.. Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()), .. body], keepsTheRules, $"{method} {target}");
    }

    private HostileRequest Malformed(int number)
    {
        var path = Pick(RouteTable.Rows).Path;
        var text = _random.Next(16) switch
        {
            0 => $"GET {path}\r\n\r\n",
            1 => $"GET {path} HTTP/9.9\r\nHost: a\r\n\r\n",
            2 => $"GET {path} HTTP/1.1\r\n\r\n",
            3 => $"GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            4 => $"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            5 => $"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            6 => $"POST {path} HTTP/1.1\r\nHost: a\r\n{Key()}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{{\"name\":",
            7 => $"POST {path} HTTP/1.1\r\nHost: a\r\n{Key()}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n",
            8 => $"POST {path} HTTP/1.1\r\nHost: a\r\n{Key()}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nhello\r\n",
            9 => $"GET {path} HTTP/1.1\r\nHost: a\r\n X-Folded: b\r\n c\r\n\r\n",
            10 => $"GET {path} HTTP/1.1\r\nHost: a\r\nNo colon here\r\n\r\n",
            11 => $"GET /{new string('a', 9000)} HTTP/1.1\r\nHost: a\r\n\r\n",
            12 => $"GET {path} HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 200).Select(static i => $"X-{i}: v\r\n"))}\r\n",
            13 => $"GET {path} HTTP/1.1\r\nHost: a\r\nX-Long: {new string('v', 40_000)}\r\n\r\n",
            14 => $"GET {path}\0 HTTP/1.1\r\nHost: a\0b\r\nX: \u0001\r\n\r\n",
            _ => "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
        };
        var bytes = Encoding.Latin1.GetBytes(text);
        if (_random.Next(4) == 0) bytes = bytes[.._random.Next(1, bytes.Length)];
        if (_random.Next(4) == 0) bytes[_random.Next(bytes.Length)] = (byte)_random.Next(256);
        return new HostileRequest(number, bytes, WellFormed: false, text.Length > 60 ? text[..60] : text);
    }

    private string Target(RouteRow row, bool asOperator)
    {
        var path = row.Path;
        foreach (var name in material.VictimIds.Keys)
        {
            if (path.Contains($"{{{name}}}", StringComparison.Ordinal)) path = path.Replace($"{{{name}}}", IdText(name, asOperator), StringComparison.Ordinal);
        }

        if (_random.Next(15) == 0) path += Pick(["/", "//", "/..", "/%2e%2e/", ";a=b", "/extra", "%00", "/%c0%af", "%"]);
        return _random.Next(3) == 0 ? $"{path}?{Pick(Queries)}" : path;
    }

    private string IdText(string name, bool asOperator)
    {
        var ids = Ids(asOperator);
        var id = ids[_random.Next(3) == 0 ? Pick([.. ids.Keys]) : name];
        return _random.Next(10) switch
        {
            0 => id[..^1],
            1 => id + "0",
            2 => id.ToUpperInvariant(),
            3 => Pick(["..%2f..%2fcontrol.db", "%00", "%27%20or%20%271%27=%271", "*", "%2A", "null", "undefined", "0", "-1", "%F0%9F%92%A9", "%ff%fe", "__proto__", "{{7*7}}", new string('a', 3000)]),
            4 => id.Replace("_", "%5F", StringComparison.Ordinal),
            5 => name + "_" + new string('z', 22),
            _ => id,
        };
    }

    private IReadOnlyDictionary<string, string> Ids(bool asOperator) =>
        asOperator ? material.OperatorsIds : _random.Next(2) == 0 ? material.OwnIds : material.VictimIds;

    private IEnumerable<string> Credentials(bool asOperator)
    {
        if (asOperator) return [$"x-api-key: {material.OperatorKey}"];
        return _random.Next(10) switch
        {
            0 => [],
            1 => [$"Authorization: Bearer {Pick(BadKeys)}"],
            2 => [$"Authorization: {Pick(["Basic YTpi", "Digest x", "Bearer\tx", "bearer", "Negotiate"])}"],
            3 => [$"Authorization: Bearer {Pick(material.Keys)}", $"x-api-key: {Pick(BadKeys)}"],
            4 => [$"x-api-key: {Pick(material.Keys)}", $"x-api-key: {Pick(material.Keys)}"],
            _ => [$"x-api-key: {Pick(material.Keys)}"],
        };
    }

    private string Key() => $"x-api-key: {Pick(material.Keys)}\r\n";

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];
}
