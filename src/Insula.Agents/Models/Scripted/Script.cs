using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Scripted;

/// <summary>
/// The directives of a message, one a line; other lines beside them are not played. Where a script stands follows from
/// how many tool calls it has already made, so nothing is kept between turns and a restart plays on at the same line.
/// </summary>
internal sealed class Script
{
    private static readonly TimeSpan SleepMax = TimeSpan.FromHours(1);
    private static readonly JsonElement NoInput = JsonDocument.Parse("{}").RootElement.Clone();

    /// <summary>Read once for as long as somebody has the message: each turn of a run plays from the same text.</summary>
    private static readonly ConditionalWeakTable<string, Script> Read = [];

    private readonly List<Directive> _directives;

    private Script(List<Directive> directives) => _directives = directives;

    public bool IsEmpty => _directives.Count == 0;

    /// <summary>Throws <see cref="ModelException"/> (Refused) that names the line when a directive's arguments are wrong.</summary>
    public static Script Of(string message) => Read.GetValue(message, Parse);

    private static Script Parse(string message)
    {
        var directives = new List<Directive>();
        foreach (var line in message.Split('\n'))
        {
            if (ParseLine(line.Trim()) is { } directive) directives.Add(directive);
        }

        return new Script(directives);
    }

    /// <summary>What is played after the given number of tool calls: endless when the script loops.</summary>
    public IEnumerable<Directive> After(int toolCalls)
    {
        if (_directives is [StartAgain, ..]) yield break;
        for (var next = IndexAfter(toolCalls); next < _directives.Count; next++)
        {
            if (_directives[next] is StartAgain) next = -1;
            else yield return _directives[next];
        }
    }

    private int IndexAfter(int toolCalls)
    {
        if (toolCalls == 0) return 0;
        var loop = _directives.FindIndex(d => d is StartAgain);
        var played = loop < 0 ? _directives : _directives[..loop];
        var tools = played.Select((directive, index) => (directive, index)).Where(d => d.directive is CallTool).Select(d => d.index).ToList();
        if (tools.Count == 0) return 0;
        if (loop >= 0) return tools[(toolCalls - 1) % tools.Count] + 1;
        return toolCalls > tools.Count ? _directives.Count : tools[toolCalls - 1] + 1;
    }

    private static Directive? ParseLine(string line)
    {
        if (!line.StartsWith('!')) return null;
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var (verb, rest) = space < 0 ? (line, "") : (line[..space], line[(space + 1)..].Trim());
        return verb switch
        {
            "!text" => new SayText(rest),
            "!tool" => ParseTool(rest, line),
            "!sleep" => new Sleep(TimeSpan.FromMilliseconds(Number(rest, (long)SleepMax.TotalMilliseconds, line))),
            "!usage" => ParseUsage(rest, line),
            "!error" => Number(rest, 599, line) is >= 400 and var status ? new AnswerError((int)status) : throw Wrong(line, "takes a status from 400 to 599"),
            "!loop" => new StartAgain(),
            _ => null,
        };
    }

    private static CallTool ParseTool(string rest, string line)
    {
        var space = rest.IndexOf(' ', StringComparison.Ordinal);
        var (name, json) = space < 0 ? (rest, "") : (rest[..space], rest[(space + 1)..].Trim());
        if (name.Length == 0) throw Wrong(line, "takes the name of a tool");
        if (json.Length == 0) return new CallTool(name, NoInput);
        try
        {
            using var input = JsonDocument.Parse(json);
            if (input.RootElement.ValueKind != JsonValueKind.Object) throw Wrong(line, "takes a JSON object after the name");
            return new CallTool(name, input.RootElement.Clone());
        }
        catch (JsonException)
        {
            throw Wrong(line, "takes a JSON object after the name");
        }
    }

    private static ReportUsage ParseUsage(string rest, string line)
    {
        var counts = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (counts.Length != 2) throw Wrong(line, "takes two counts of tokens, in and out");
        return new ReportUsage(new TokenUsage(Number(counts[0], int.MaxValue, line), Number(counts[1], int.MaxValue, line), 0, 0));
    }

    private static long Number(string text, long max, string line) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max
            ? number
            : throw Wrong(line, $"takes whole numbers from 0 to {max}");

    private static ModelException Wrong(string line, string rule)
    {
        var verb = line.Split(' ')[0];
        return UpstreamFailure.Refused($"{ScriptedProvider.FullName} cannot play this: {verb} {rule}.");
    }
}
