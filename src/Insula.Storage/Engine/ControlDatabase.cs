using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Engine;

/// <summary>
/// The control store as a database. Whoever acts for one tenant takes <see cref="For"/>, so that on PostgreSQL the rows of
/// the others are out of reach whatever a statement says; what belongs to no tenant, or has to look across them, takes
/// <see cref="Platform"/>. A SQLite file has no such net below the statement: both are the file.
/// </summary>
internal abstract class ControlDatabase
{
    public abstract Dialect Dialect { get; }

    public abstract Database Platform { get; }

    public abstract Database For(Id<Tenant> tenant);
}
