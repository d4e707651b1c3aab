using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>What metering says in the log; event ids 3200 to 3249.</summary>
internal static partial class UsageLog
{
    [LoggerMessage(3200, LogLevel.Warning, "The usage of tenant {Tenant} could not be brought into the ledger; it stays in its store and is tried again.")]
    public static partial void ShipFailed(ILogger log, Exception error, Id<Tenant> tenant);

    [LoggerMessage(3201, LogLevel.Warning, "This node cannot see which tenants have usage that is not in the ledger; it tries again until it can.")]
    public static partial void SweepFailed(ILogger log, Exception error);

    [LoggerMessage(3202, LogLevel.Warning, "Counts of requests could not be stored; they are counted on and tried again.")]
    public static partial void StatsNotStored(ILogger log, Exception error);

    [LoggerMessage(3203, LogLevel.Debug, "How much tenant {Tenant} keeps could not be seen.")]
    public static partial void NotMeasured(ILogger log, Exception error, Id<Tenant> tenant);

    [LoggerMessage(3204, LogLevel.Warning, "This node cannot see whose limits changed, so tenants near a quota may be listed late; it tries again until it can.")]
    public static partial void NotJudged(ILogger log, Exception error);

    /// <summary>Where a shipment stands: what a crash at this moment leaves.</summary>
    [LoggerMessage(3220, LogLevel.Trace, "Usage of {Tenant}: {Point}.")]
    public static partial void At(ILogger log, Id<Tenant> tenant, UsagePoint point);
}

/// <summary>The moments of a shipment between which something becomes durable.</summary>
internal enum UsagePoint
{
    /// <summary>The rows are read and stand in the tenant's store only.</summary>
    BeforeLedger,

    /// <summary>They are in the ledger, and in the tenant's store too.</summary>
    AfterLedger,

    /// <summary>They are in the ledger only, and the tenant's mark stands.</summary>
    AfterRemove,
}
