using System.Diagnostics.Metrics;
using Insula.Tenancy.Usage;

namespace Insula.Agents.Usage;

/// <summary>The instruments of metering, on the meter <c>Insula.Usage</c>.</summary>
public sealed class UsageMetrics
{
    public const string MeterName = "Insula.Usage";

    private readonly Counter<long> _shipped;
    private readonly Counter<long> _known;
    private readonly Counter<long> _failures;
    private readonly TimeProvider _time;
    private UsageMarks _marks = new(0, null);

    public UsageMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(MeterName);
        _shipped = meter.CreateCounter<long>("insula_usage_shipped_total", description: "Items of usage that this node brought into the ledger.");
        _known = meter.CreateCounter<long>("insula_usage_known_total", description: "Items of usage that this node found in the ledger already: after a crash, or because another node was first.");
        _failures = meter.CreateCounter<long>("insula_usage_failures_total", description: "Times that a tenant's usage could not be brought into the ledger, and stayed where it was.");
        meter.CreateObservableGauge("insula_usage_outbox_tenants", () => _marks.Tenants, description: "Tenants that may have usage which is not in the ledger yet, on all nodes.");
        meter.CreateObservableGauge("insula_usage_outbox_age_seconds", AgeSeconds, "s", "How long the oldest of these has waited.");
    }

    internal void Shipped(int added, int known)
    {
        _shipped.Add(added);
        _known.Add(known);
    }

    internal void Failed() => _failures.Add(1);

    internal void Marked(UsageMarks marks) => _marks = marks;

    private double AgeSeconds() => _marks.Since is { } since ? Math.Max(0, (_time.GetUtcNow() - since).TotalSeconds) : 0;
}
