using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Usage;

/// <param name="Total">Of all that the filter lets through, not of the page alone.</param>
public sealed record UsageReport(UsageFilter Filter, UsageGrouping By, Page<UsageGroup> Groups, UsageSum Total);

/// <summary>What a tenant used: its own for whoever may read, any tenant's for an operator. What was used in the last second may not be counted yet.</summary>
public sealed class ShowUsage(IUsageLedger ledger, ITenantDirectory directory)
{
    public async Task<Result<UsageReport>> RunAsync(TenantScope scope, UsageFilter filter, UsageGrouping by, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Read) is { } missing ? missing : await ReportAsync(scope.Tenant, filter, by, page, ct);

    public async Task<Result<UsageReport>> RunAsync(OperatorScope scope, Id<Tenant> tenant, UsageFilter filter, UsageGrouping by, PageRequest page, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return await directory.FindAsync(tenant, ct) is null ? Fault.NotFound("tenant") : await ReportAsync(tenant, filter, by, page, ct);
    }

    private async Task<Result<UsageReport>> ReportAsync(Id<Tenant> tenant, UsageFilter filter, UsageGrouping by, PageRequest page, CancellationToken ct)
    {
        if (filter.From >= filter.To) return Fault.Invalid("from", "from must be before to.");
        return new UsageReport(filter, by, await ledger.GroupAsync(tenant, filter, by, page, ct), await ledger.SumAsync(tenant, filter, ct));
    }
}
