using System.Diagnostics.Metrics;
using System.Text.Json;

namespace Insula.Agents.Schedules;

/// <summary>The schedules' instruments on the meter <c>Insula.Schedules</c>.</summary>
public sealed class ScheduleMetrics
{
    public const string MeterName = "Insula.Schedules";

    private readonly Counter<long> _moments;
    private readonly Histogram<double> _delay;
    private readonly Counter<long> _failures;

    public ScheduleMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _moments = meter.CreateCounter<long>("insula_schedule_moments_total", description: "Due moments of schedules, by what became of them.");
        _delay = meter.CreateHistogram<double>("insula_schedule_delay_seconds", "s", "From the moment that a schedule was due to its firing.");
        _failures = meter.CreateCounter<long>("insula_schedule_look_failures_total", description: "Looks at a schedule that failed and are made again.");
    }

    internal void Settled(Firing firing)
    {
        if (firing.Outcome == FiringOutcome.Pending) return;
        _moments.Add(firing.Moments, new KeyValuePair<string, object?>("outcome", JsonNamingPolicy.SnakeCaseLower.ConvertName(firing.Outcome.ToString())));
        if (firing is { Outcome: FiringOutcome.Fired, SettledAt: { } at }) _delay.Record(Math.Max(0, (at - firing.ScheduledFor).TotalSeconds));
    }

    internal void LookFailed() => _failures.Add(1);
}
