using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// As whom a transaction acts. Every setting is given every time, empty ones too, so that nothing which an earlier user of
/// the connection may have left counts; and all of them end with the transaction.
/// </summary>
/// <param name="Tenant">The tenant's id, or empty.</param>
/// <param name="Platform">Whether it may look across tenants; true for the control store only.</param>
/// <param name="Schema">For the placement <c>schema</c>: the tenant's schema, which is also the name of the role that may use it. Else null.</param>
internal sealed record PgScope(string Tenant, bool Platform, string? Schema)
{
    public static PgScope OfPlatform { get; } = new("", Platform: true, Schema: null);

    public static PgScope Of(Id<Tenant> tenant) => new(tenant.ToString(), Platform: false, Schema: null);

    public static PgScope InSchema(Id<Tenant> tenant, string schema) => new(tenant.ToString(), Platform: false, schema);
}
