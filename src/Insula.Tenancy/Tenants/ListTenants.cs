using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Tenants;

/// <summary>The operator looks through the tenants, newest first.</summary>
public sealed class ListTenants(ITenantDirectory directory)
{
    /// <param name="scope">Proof of the right to look; the list is the same for every operator.</param>
    public Task<Page<Tenant>> RunAsync(OperatorScope scope, TenantFilter filter, PageRequest page, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return directory.ListAsync(filter, page, ct);
    }
}
