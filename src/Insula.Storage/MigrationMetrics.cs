using System.Diagnostics.Metrics;

namespace Insula.Storage;

/// <summary>How far the tenants' own schemas and databases are, on the meter <c>Insula.Storage</c>. Every node reports what it last counted.</summary>
public sealed class MigrationMetrics
{
    public const string MeterName = "Insula.Storage";

    private long _pending;
    private long _failed;

    public MigrationMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("insula_store_migrations_pending", () => Volatile.Read(ref _pending), description: "Tenants' own schemas and databases that lack a migration, as last counted.");
        meter.CreateObservableGauge("insula_store_migrations_failed", () => Volatile.Read(ref _failed), description: "Those of them whose migration failed when it was last tried.");
    }

    internal void Counted(long pending, long failed)
    {
        Volatile.Write(ref _pending, pending);
        Volatile.Write(ref _failed, failed);
    }
}
