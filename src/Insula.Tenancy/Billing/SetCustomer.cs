using System.Text.RegularExpressions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Billing;

/// <summary>The operator says which customer of the billing provider a tenant is; its costs are reported for that customer from then on.</summary>
public sealed partial class SetCustomer(IBillingStore store, ITenantDirectory directory, TimeProvider time)
{
    private static readonly Fault NoTenant = Fault.NotFound("tenant");

    /// <param name="customer">Null for none.</param>
    public async Task<Result<Done>> RunAsync(OperatorScope scope, Id<Tenant> tenant, string? customer, CancellationToken ct)
    {
        if (customer is not null && !Name().IsMatch(customer)) return Fault.Invalid("stripe_customer", "stripe_customer must be the id of a customer, such as cus_…: 1 to 100 letters, digits, '_' and '-'. Give null to report nothing.");
        if (await directory.FindAsync(tenant, ct) is null) return NoTenant;
        await store.SetCustomerAsync(tenant, customer, new AuditRecord(tenant, scope.Principal, "tenant.billing", tenant.ToString(), customer ?? "none", time.NowInMicroseconds()), ct);
        return default(Done);
    }

    public async Task<Result<BillingStanding>> ShowAsync(OperatorScope scope, Id<Tenant> tenant, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return await directory.FindAsync(tenant, ct) is null ? NoTenant : new BillingStanding(await store.FindCustomerAsync(tenant, ct));
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_-]{1,100}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();
}

/// <param name="Customer">Null when the tenant's costs are reported to nobody.</param>
public sealed record BillingStanding(string? Customer);
