using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// As whom a transaction acts. Every setting is given every time, so that nothing which an earlier user of the connection
/// may have left counts; and all of them end with the transaction.
/// </summary>
/// <param name="Tenant">The tenant's id, or empty.</param>
/// <param name="Platform">Whether it may look across tenants; true for the control store only.</param>
/// <param name="Schema">Where names are looked up: pinned, so that a statement means these tables and no others.</param>
/// <param name="Role">The role that may use the schema; <see cref="NoRole"/> for the runtime role itself.</param>
internal sealed record PgScope(string Tenant, bool Platform, string Schema, string Role)
{
    private const string NoRole = "none";

    /// <summary>The schema alone: temporary tables, which would come first unsaid, come last.</summary>
    public string SearchPath { get; } = $"{Schema}, pg_temp";

    public static PgScope OfPlatform { get; } = new("", Platform: true, PgNames.ControlSchema, NoRole);

    /// <summary>A tenant's rows of the control store.</summary>
    public static PgScope InControl(Id<Tenant> tenant) => new(tenant.ToString(), Platform: false, PgNames.ControlSchema, NoRole);

    /// <summary>A tenant's rows among those of others, or in a database of its own.</summary>
    public static PgScope InTenants(Id<Tenant> tenant) => new(tenant.ToString(), Platform: false, PgNames.TenantsSchema, NoRole);

    /// <summary>A tenant's own schema, with the role of the same name.</summary>
    public static PgScope InSchema(Id<Tenant> tenant) => new(tenant.ToString(), Platform: false, PgNames.SchemaOf(tenant), PgNames.SchemaOf(tenant));
}
