using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Insula.Tenancy.Wording;

namespace Insula.Server.Commands;

/// <summary><c>--limit name=value</c>: a limit that replaces the plan's for one tenant.</summary>
internal static class LimitOption
{
    private static readonly string[] Names =
        ["requests_per_minute", "reads_per_minute", "learn_per_minute", "reason_per_minute", "concurrent_runs", "concepts", "storage_bytes", "schedules", "schedule_interval_seconds", "run_weight", "runs_minimum",
         "runs_per_minute", "tokens_per_minute", "sessions", "agents", "keys", "members"];

    public static Option<string[]> Create() => new("--limit")
    {
        Description = $"Replace a limit of the plan, name=number; may be given again. Names: {string.Join(", ", Names)}",
        HelpName = "name=n",
        AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>For the rates of one key, or of a member's keys together.</summary>
    public static Option<string[]> CreateForKey(string whose = "this key") => new("--limit")
    {
        Description = $"A rate of {whose} below the tenant's, name=number; may be given again. Names: {string.Join(", ", Names.Where(static name => name.EndsWith("_per_minute", StringComparison.Ordinal) && name != "tokens_per_minute"))}",
        HelpName = "name=n",
        AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>The overrides given, or null when there are none.</summary>
    public static IReadOnlyDictionary<string, long>? Read(string[]? given) => given is { Length: > 0 } ? Merge(current: null, given) : null;

    /// <summary>The overrides in force with those given on top; one without a number falls back to the plan's.</summary>
    public static IReadOnlyDictionary<string, long> Merge(JsonElement? current, string[] given)
    {
        var merged = new Dictionary<string, long>();
        if (current is { ValueKind: JsonValueKind.Object } overrides)
        {
            foreach (var member in overrides.EnumerateObject())
            {
                if (member.Value.ValueKind == JsonValueKind.Number) merged[member.Name] = member.Value.GetInt64();
            }
        }

        foreach (var text in given)
        {
            var (name, value) = Split(text);
            if (value is { } number) merged[name] = number;
            else merged.Remove(name);
        }

        return merged;
    }

    private static (string Name, long? Value) Split(string text)
    {
        var at = text.IndexOf('=');
        var name = at < 0 ? text : text[..at];
        if (!Names.Contains(name)) throw new CommandException(ExitCode.Usage, $"There is no limit '{name}'.", NearestName.Suggest(name, Names));
        if (at < 0) throw new CommandException(ExitCode.Usage, $"--limit {name} has no value.", $"Give it as --limit {name}=100, or --limit {name}= to go back to the plan's.");
        if (at == text.Length - 1) return (name, null);
        return long.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (name, number)
            : throw new CommandException(ExitCode.Usage, $"--limit {text} is not a whole number from 0.");
    }
}
