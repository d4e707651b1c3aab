namespace Insula.Tenancy.Plans;

/// <summary>The limits in force for one tenant: its plan's, with the tenant's overrides applied.</summary>
/// <param name="RequestsPerMinute">Calls that change something or start work. Burst is twice the rate.</param>
/// <param name="ReadsPerMinute">All other calls. Burst is twice the rate.</param>
/// <param name="LearnPerMinute">Calls to learn, besides counting as requests.</param>
/// <param name="ReasonPerMinute">Queries to knowledge, besides counting as reads.</param>
/// <param name="ConcurrentRuns">Runs at work at one moment; more wait in the queue.</param>
/// <param name="Concepts">Concepts kept in knowledge.</param>
/// <param name="StorageBytes">Bytes of stored content.</param>
/// <param name="Schedules">Schedules kept, paused ones included.</param>
/// <param name="ScheduleIntervalSeconds">The least time between two firings of one schedule.</param>
/// <param name="RunWeight">The share of the workers when tenants contend for them, against the others' weights.</param>
/// <param name="RunsMinimum">Workers that runs get before other tenants' do, while there is work for them.</param>
/// <param name="RunsPerMinute">Messages that queue a run; 0 for no limit. Burst is twice the rate.</param>
/// <param name="TokensPerMinute">Tokens of model calls, in and out; 0 for no limit. A call over it waits. Burst is twice the rate.</param>
/// <param name="Sessions">Sessions kept, archived ones included.</param>
/// <param name="Agents">Agents that are not archived.</param>
/// <param name="Keys">API keys in force.</param>
/// <param name="Members">Members that are not removed.</param>
public sealed record Limits(
    int RequestsPerMinute,
    int ReadsPerMinute,
    int LearnPerMinute,
    int ReasonPerMinute,
    int ConcurrentRuns,
    long Concepts,
    long StorageBytes,
    int Schedules = 5,
    int ScheduleIntervalSeconds = 300,
    int RunWeight = 1,
    int RunsMinimum = 0,
    int RunsPerMinute = 0,
    long TokensPerMinute = 0,
    long Sessions = 1_000_000,
    int Agents = 10_000,
    int Keys = 1_000,
    int Members = 1_000);

/// <summary>Per-tenant replacements of a plan's limits; a null member keeps the plan's value.</summary>
public sealed record LimitOverrides
{
    public static LimitOverrides None { get; } = new();

    public int? RequestsPerMinute { get; init; }

    public int? ReadsPerMinute { get; init; }

    public int? LearnPerMinute { get; init; }

    public int? ReasonPerMinute { get; init; }

    public int? ConcurrentRuns { get; init; }

    public long? Concepts { get; init; }

    public long? StorageBytes { get; init; }

    public int? Schedules { get; init; }

    public int? ScheduleIntervalSeconds { get; init; }

    public int? RunWeight { get; init; }

    public int? RunsMinimum { get; init; }

    public int? RunsPerMinute { get; init; }

    public long? TokensPerMinute { get; init; }

    public long? Sessions { get; init; }

    public int? Agents { get; init; }

    public int? Keys { get; init; }

    public int? Members { get; init; }

    /// <summary>
    /// Applies the overrides. Reads follow overridden requests at ten to one unless they are overridden themselves, as
    /// they do in every plan.
    /// </summary>
    public Limits ApplyTo(Limits plan) => new(
        RequestsPerMinute ?? plan.RequestsPerMinute,
        ReadsPerMinute ?? (RequestsPerMinute is { } requests ? Math.Max(plan.ReadsPerMinute, checked((int)Math.Min(int.MaxValue, requests * 10L))) : plan.ReadsPerMinute),
        LearnPerMinute ?? plan.LearnPerMinute,
        ReasonPerMinute ?? plan.ReasonPerMinute,
        ConcurrentRuns ?? plan.ConcurrentRuns,
        Concepts ?? plan.Concepts,
        StorageBytes ?? plan.StorageBytes,
        Schedules ?? plan.Schedules,
        ScheduleIntervalSeconds ?? plan.ScheduleIntervalSeconds,
        RunWeight ?? plan.RunWeight,
        RunsMinimum ?? plan.RunsMinimum,
        RunsPerMinute ?? plan.RunsPerMinute,
        TokensPerMinute ?? plan.TokensPerMinute,
        Sessions ?? plan.Sessions,
        Agents ?? plan.Agents,
        Keys ?? plan.Keys,
        Members ?? plan.Members);
}
