using System.CommandLine;
using System.Text.Json;

namespace Insula.Server.Commands;

/// <summary>The option that bounds a list, and the reading of one: pages are followed, and a list that was cut says so.</summary>
internal static class Lists
{
    private const int Default = 50;

    public static Option<int> Limit() => new("--limit", "-n")
    {
        Description = "How many at most",
        DefaultValueFactory = static _ => Default,
        HelpName = "n",
    };

    public static async Task<IReadOnlyList<JsonElement>> ReadAsync(ClientCall call, string path, Option<int> limit, CancellationToken ct)
    {
        var max = call.Get(limit);
        if (max < 1) throw new CommandException(ExitCode.Usage, $"--limit must be 1 or more, not {max}.");

        // One more than asked for tells whether the list goes on.
        var items = new List<JsonElement>();
        await foreach (var item in call.Api.ListAsync(path, max == int.MaxValue ? max : max + 1, ct)) items.Add(item);
        if (items.Count <= max) return items;

        if (call.Parsed.GetResult(limit) is { Implicit: true }) call.Printer.Note($"Only the first {max}; there are more: use --limit.");
        return items[..max];
    }

    /// <summary>A path with the query members that have a value.</summary>
    public static string Path(string path, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var separator = '?';
        foreach (var (name, value) in query)
        {
            if (value is null) continue;
            path += $"{separator}{name}={Uri.EscapeDataString(value)}";
            separator = '&';
        }

        return path;
    }
}
