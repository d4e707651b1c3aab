using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Tenancy.Billing;

/// <summary>
/// A tenant's statement for a month, from the days' sums of the ledger, which change with its items in one transaction. It is
/// final when the month is over, no later than <see cref="Grace"/> ago, and nothing of the tenant waits to enter the ledger.
/// </summary>
public sealed class ShowStatement(IUsageLedger ledger, ITenantDirectory directory, TimeProvider time)
{
    /// <summary>A run that began before midnight may record its last step after it, by its own node's clock.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    public async Task<Result<Statement>> RunAsync(TenantScope scope, Month month, CancellationToken ct) =>
        scope.Lacks(Permissions.Read) is { } missing ? missing : await OfAsync(scope.Tenant, month, ct);

    public Task<Result<Statement>> RunAsync(OperatorScope scope, Id<Tenant> tenant, Month month, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return OfAsync(tenant, month, ct);
    }

    internal async Task<Result<Statement>> OfAsync(Id<Tenant> id, Month month, CancellationToken ct)
    {
        if (await directory.FindAsync(id, ct) is not { } tenant) return Fault.NotFound("tenant");
        var end = new DateTimeOffset(month.End, TimeOnly.MinValue, TimeSpan.Zero);

        // Asked first: what enters the ledger after this look makes the statement no less than it says.
        var final = time.GetUtcNow() >= end + Grace && !await ledger.IsBehindAsync(id, ct);
        return Statement.Of(tenant, month, await ledger.DaysAsync(id, month.First, month.End, ct), final);
    }
}
