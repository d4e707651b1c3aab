using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Plans;

/// <summary>
/// One limit: its name on the wire and in the plan file, its range, and its place in <see cref="LimitOverrides"/>.
/// <see cref="All"/> is the one list of them; plan files, plans put by API and tenants' overrides are all checked by it.
/// </summary>
internal sealed record LimitRule(string Name, long Max, Func<LimitOverrides, long?> Read, Func<LimitOverrides, long, LimitOverrides> With, long Min = 1)
{
    // Above it, a minute has too few clock ticks for each call to keep the rate exact.
    private const long PerMinuteMax = 10_000_000;

    public static IReadOnlyList<LimitRule> All { get; } =
    [
        new("requests_per_minute", PerMinuteMax, static o => o.RequestsPerMinute, static (o, v) => o with { RequestsPerMinute = (int)v }),
        new("reads_per_minute", PerMinuteMax * 10, static o => o.ReadsPerMinute, static (o, v) => o with { ReadsPerMinute = (int)v }),
        new("learn_per_minute", PerMinuteMax, static o => o.LearnPerMinute, static (o, v) => o with { LearnPerMinute = (int)v }),
        new("reason_per_minute", PerMinuteMax, static o => o.ReasonPerMinute, static (o, v) => o with { ReasonPerMinute = (int)v }),
        new("concurrent_runs", 100_000, static o => o.ConcurrentRuns, static (o, v) => o with { ConcurrentRuns = (int)v }),
        new("concepts", 1_000_000_000_000, static o => o.Concepts, static (o, v) => o with { Concepts = v }),
        new("storage_bytes", 1_000_000_000_000_000, static o => o.StorageBytes, static (o, v) => o with { StorageBytes = v }),
        new("schedules", 100_000, static o => o.Schedules, static (o, v) => o with { Schedules = (int)v }),
        new("schedule_interval_seconds", 31_536_000, static o => o.ScheduleIntervalSeconds, static (o, v) => o with { ScheduleIntervalSeconds = (int)v }),
        new("run_weight", 1_000, static o => o.RunWeight, static (o, v) => o with { RunWeight = (int)v }),
        new("runs_minimum", 1_000, static o => o.RunsMinimum, static (o, v) => o with { RunsMinimum = (int)v }, Min: 0),
        new("runs_per_minute", PerMinuteMax, static o => o.RunsPerMinute, static (o, v) => o with { RunsPerMinute = (int)v }, Min: 0),
        new("tokens_per_minute", 1_000_000_000_000, static o => o.TokensPerMinute, static (o, v) => o with { TokensPerMinute = v }, Min: 0),
        new("sessions", 1_000_000_000, static o => o.Sessions, static (o, v) => o with { Sessions = v }),
        new("agents", 1_000_000, static o => o.Agents, static (o, v) => o with { Agents = (int)v }),
        new("keys", 100_000, static o => o.Keys, static (o, v) => o with { Keys = (int)v }),
        new("members", 100_000, static o => o.Members, static (o, v) => o with { Members = (int)v }),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(static rule => rule.Name)];

    /// <summary>The first override out of its range, or null; <paramref name="field"/> is the wire path of the limits.</summary>
    public static Fault? Check(string field, LimitOverrides overrides)
    {
        foreach (var rule in All)
        {
            if (rule.Read(overrides) is { } value && rule.Check($"{field}.{rule.Name}", value) is { } fault) return fault;
        }

        return null;
    }

    public Fault? Check(string path, long value) =>
        value >= Min && value <= Max ? null : Fault.Invalid(path, $"{path} is {value}; it must be from {Min} to {Max}.");

    /// <summary>Whole limits as overrides, so that both are checked by one rule.</summary>
    public static LimitOverrides Whole(Limits limits) => new()
    {
        RequestsPerMinute = limits.RequestsPerMinute,
        ReadsPerMinute = limits.ReadsPerMinute,
        LearnPerMinute = limits.LearnPerMinute,
        ReasonPerMinute = limits.ReasonPerMinute,
        ConcurrentRuns = limits.ConcurrentRuns,
        Concepts = limits.Concepts,
        StorageBytes = limits.StorageBytes,
        Schedules = limits.Schedules,
        ScheduleIntervalSeconds = limits.ScheduleIntervalSeconds,
        RunWeight = limits.RunWeight,
        RunsMinimum = limits.RunsMinimum,
        RunsPerMinute = limits.RunsPerMinute,
        TokensPerMinute = limits.TokensPerMinute,
        Sessions = limits.Sessions,
        Agents = limits.Agents,
        Keys = limits.Keys,
        Members = limits.Members,
    };
}
