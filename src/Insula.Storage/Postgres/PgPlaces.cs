using System.Runtime.CompilerServices;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// Makes tenants' own schemas and databases on one server and keeps them up to date. Idempotent; several nodes, a first
/// use and the sweep that do it at once do it once.
/// </summary>
internal sealed class PgPlaces(PgServer server, PgPatience patience, TimeProvider time)
{
    private const int PageRows = 200;

    private readonly PgMigrator _migrator = new(patience, time);
    private readonly PgSchema _schema = server.TenantSchema;
    private readonly string _prefix = PgNames.DatabasePrefixOf(server.MainDatabase);

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

    /// <summary>How many places lack a step, and how many of these could not be migrated when it was last tried.</summary>
    public async Task<BehindCount> CountBehindAsync(CancellationToken ct)
    {
        try
        {
            await using var owner = await server.OwnerAsync(ct);
            return await PgJournal.CountBehindAsync(owner, _schema.Version, _prefix, ct);
        }
        catch (Exception error)
        {
            throw PgFaults.Map(error, server.Name);
        }
    }

    /// <summary>The places that lack a step, each once, in the order of their names.</summary>
    public async IAsyncEnumerable<PgPlace> BehindAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var after = "";
        while (true)
        {
            List<PgPlace> page;
            await using (var owner = await server.OwnerAsync(ct)) page = await PgJournal.BehindAsync(owner, _schema.Version, _prefix, after, PageRows, ct);
            foreach (var place in page) yield return place;
            if (page.Count < PageRows) yield break;
            after = page[^1].Name;
        }
    }

    /// <summary>Remembers that a place could not be migrated, or that it could after all.</summary>
    public async Task RecordAsync(PgPlace place, Fault? failure, CancellationToken ct)
    {
        try
        {
            await using var owner = await server.OwnerAsync(ct);
            if (failure is null) await PgJournal.MendedAsync(owner, place.Name, ct);
            else await PgJournal.FailedAsync(owner, place.Name, $"{failure.Code}: {failure.Internal ?? failure.Message}", ct);
        }
        catch (Exception error)
        {
            throw PgFaults.Map(error, server.Name);
        }
    }

    private async Task<IReadOnlyList<PgMigration>> SchemaAsync(string name, CancellationToken ct)
    {
        await using var owner = await server.OwnerAsync(ct);
        if ((await PgMigrator.StateAsync(owner, name, _schema, ct)).Missing.Count == 0) return [];
        return await _migrator.ApplyAsync(owner, new PgTarget(name, _schema, name, server.RuntimeRole), ct);
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

        var state = await PgMigrator.StateAsync(owner, PgNames.TenantsSchema, _schema, ct);
        var applied = state.Missing.Count == 0 ? [] : await _migrator.ApplyAsync(owner, new PgTarget(PgNames.TenantsSchema, _schema, server.RuntimeRole), ct);
        await using var main = await server.OwnerAsync(ct);
        await PgJournal.NoteDatabaseAsync(main, name, Math.Max(state.Version, _schema.Version), ct);
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
