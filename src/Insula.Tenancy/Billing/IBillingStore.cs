using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Billing;

/// <summary>What the billing provider is told of. Part of the control-store seam. Every cost is in one report at most, and in one in the end.</summary>
public interface IBillingStore
{
    Task<string?> FindCustomerAsync(Id<Tenant> tenant, CancellationToken ct);

    /// <summary>Says which customer the tenant is from now on; null for none. What was used before the first is not reported.</summary>
    Task SetCustomerAsync(Id<Tenant> tenant, string? customer, AuditRecord record, CancellationToken ct);

    /// <summary>Makes a report for each tenant that has a customer and cost since its last report; how many.</summary>
    Task<int> ReportAsync(DateTimeOffset at, CancellationToken ct);

    /// <summary>Reports that are due, and whose first attempt was not before <paramref name="begunAfter"/>.</summary>
    Task<IReadOnlyList<MeterEvent>> ListDueAsync(DateTimeOffset now, DateTimeOffset begunAfter, int limit, CancellationToken ct);

    /// <summary>Takes one for this caller until <paramref name="until"/>; false when another one has taken it.</summary>
    Task<bool> TryTakeAsync(MeterEvent report, DateTimeOffset now, DateTimeOffset until, CancellationToken ct);

    Task SentAsync(MeterEvent report, DateTimeOffset at, CancellationToken ct);

    Task FailedAsync(MeterEvent report, DateTimeOffset next, string why, CancellationToken ct);

    /// <summary>Reports on their way, and of these such as nobody tries any more.</summary>
    Task<(long Waiting, long Stuck)> CountAsync(DateTimeOffset begunAfter, CancellationToken ct);
}

/// <param name="Id">What the provider knows it by, at every attempt.</param>
/// <param name="Value">Micro-dollars.</param>
/// <param name="Attempts">Before this one.</param>
public sealed record MeterEvent(Id<Tenant> Tenant, string Id, string Customer, long Value, DateTimeOffset At, int Attempts, DateTimeOffset DueAt);
