using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// Makes tenants' own schemas and databases on one server and keeps them up to date. Idempotent; several nodes, a first
/// use and the sweep that do it at once do it once.
/// </summary>
internal sealed class PgPlaces(PgServer server, PgSchema schema, PgPatience patience, TimeProvider time)
{
    private readonly PgMigrator _migrator = new(patience, time);

    public static PgPlace Of(PgServer server, Id<Tenant> tenant, Placement placement) =>
        new(tenant, placement, placement == Placement.Schema ? PgNames.SchemaOf(tenant) : PgNames.DatabaseOf(server.MainDatabase, tenant));

    /// <summary>Makes the place when it is missing and applies what it lacks; the steps applied.</summary>
    public async Task<IReadOnlyList<PgMigration>> EnsureAsync(PgPlace place, CancellationToken ct)
    {
        try
        {
            return place.Placement == Placement.Schema ? await SchemaAsync(place.Name, ct) : await DatabaseAsync(place.Name, ct);
        }
        catch (Exception error)
        {
            throw PgFaults.Map(error, server.Name);
        }
    }

    private async Task<IReadOnlyList<PgMigration>> SchemaAsync(string name, CancellationToken ct)
    {
        await using var owner = await server.OwnerAsync(ct);
        if ((await PgMigrator.StateAsync(owner, name, schema, ct)).Missing.Count == 0) return [];
        return await _migrator.ApplyAsync(owner, new PgTarget(name, schema, name, server.RuntimeRole), ct);
    }

    private async Task<IReadOnlyList<PgMigration>> DatabaseAsync(string name, CancellationToken ct)
    {
        if (!await ExistsAsync(name, ct)) await CreateAsync(name, ct);
        await using var source = server.OwnerOf(name);
        await using var owner = await source.OpenConnectionAsync(ct);
        // The journal comes after the rights on the database: a creation that was cut short is gone through again.
        if (!await PgJournal.ExistsAsync(owner, ct))
        {
            await CreateAsync(name, ct);
            await PgJournal.EnsureAsync(owner, ct);
        }

        var state = await PgMigrator.StateAsync(owner, PgNames.TenantsSchema, schema, ct);
        var applied = state.Missing.Count == 0 ? [] : await _migrator.ApplyAsync(owner, new PgTarget(PgNames.TenantsSchema, schema, server.RuntimeRole), ct);
        await using var main = await server.OwnerAsync(ct);
        await PgJournal.NoteDatabaseAsync(main, name, Math.Max(state.Version, schema.Version), ct);
        return applied;
    }

    private async Task<bool> ExistsAsync(string name, CancellationToken ct)
    {
        await using var main = await server.OwnerAsync(ct);
        return await PgOwner.FirstAsync<bool>(main, "select exists (select 1 from pg_database where datname = $1)", ct, name);
    }

    // A database is made outside any transaction, so the lock is the session's.
    private async Task CreateAsync(string database, CancellationToken ct)
    {
        await using var hold = await PgHold.TakeAsync(server, $"insula database {database}", ct);
        var quoted = PgNames.Quote(database);
        if (!await PgOwner.FirstAsync<bool>(hold.Owner, "select exists (select 1 from pg_database where datname = $1)", ct, database))
            await PgOwner.RunAsync(hold.Owner, $"create database {quoted} template template0 encoding 'UTF8'", ct);
        // One statement each: together they would be one transaction, which "create database" is not.
        await PgOwner.RunAsync(hold.Owner, $"revoke all on database {quoted} from public; grant connect on database {quoted} to {PgNames.Quote(server.RuntimeRole)}", ct);
    }
}
