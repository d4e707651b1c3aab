using System.Collections.Concurrent;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Makes the place of a tenant's data and keeps it up to date: nothing for <c>shared</c>, a schema with a role of its own,
/// or a database. Run before a tenant is acknowledged, and again at its first use on each node, so that a tenant migrates
/// when it is next used. Idempotent; two nodes that do it at once do it once.
/// </summary>
internal sealed class PlaceTenants(PostgresStorage storage) : ITenantStorage
{
    /// <summary>Tenants seen up to date by this node. An entry that failed is taken out, so that the next use tries again.</summary>
    private readonly ConcurrentDictionary<Id<Tenant>, Lazy<Task>> _ready = [];

    public Task PrepareAsync(Tenant tenant, CancellationToken ct) => EnsureAsync(storage.ServerOf(tenant.Server), tenant.Id, tenant.Placement, ct);

    public Task EnsureAsync(PgServer server, Id<Tenant> tenant, Placement placement, CancellationToken ct)
    {
        if (placement == Placement.Shared) return Task.CompletedTask;
        // Not cancelled by one caller: others wait for the same work.
        var work = _ready.GetOrAdd(tenant, static (id, given) => new Lazy<Task>(() => given.self.RunAsync(given.server, id, given.placement)), (self: this, server, placement)).Value;
        return work.IsCompletedSuccessfully ? Task.CompletedTask : work.WaitAsync(ct);
    }

    private async Task RunAsync(PgServer server, Id<Tenant> tenant, Placement placement)
    {
        try
        {
            if (placement == Placement.Schema) await MakeSchemaAsync(server, tenant, CancellationToken.None);
            else await MakeDatabaseAsync(server, tenant, CancellationToken.None);
        }
        catch (Exception error)
        {
            _ready.TryRemove(tenant, out _);
            throw PgFaults.Map(error, server.Name);
        }
    }

    private static async Task MakeSchemaAsync(PgServer server, Id<Tenant> tenant, CancellationToken ct)
    {
        var schema = PgNames.SchemaOf(tenant);
        await using var owner = await server.OwnerAsync(ct);
        if ((await PgMigrator.PlanAsync(owner, schema, PgSchema.Tenant, ct)).Count == 0) return;
        await using (var transaction = await owner.BeginTransactionAsync(ct))
        {
            await PgOwner.RunAsync(owner, "select pg_advisory_xact_lock(hashtextextended('insula role ' || $1, 0))", ct, schema);
            await PgRoles.EnsureSchemaRoleAsync(owner, schema, server.RuntimeRole, ct);
            await transaction.CommitAsync(ct);
        }

        await PgMigrator.ApplyAsync(owner, schema, PgSchema.Tenant, schema, ct);
    }

    private static async Task MakeDatabaseAsync(PgServer server, Id<Tenant> tenant, CancellationToken ct)
    {
        var database = PgNames.DatabaseOf(server.MainDatabase, tenant);
        await using (var main = await server.OwnerAsync(ct))
        {
            await CreateAsync(main, database, server.RuntimeRole, ct);
        }

        await using var source = server.OwnerOf(database);
        await using var owner = await source.OpenConnectionAsync(ct);
        await PgOwner.RunAsync(owner, PgMigrator.Journal, ct);
        await PgMigrator.ApplyAsync(owner, PgNames.TenantsSchema, PgSchema.Tenant, server.RuntimeRole, ct);
    }

    // A database is made outside any transaction, so the lock is the session's and given back by hand.
    private static async Task CreateAsync(NpgsqlConnection main, string database, string runtime, CancellationToken ct)
    {
        const string name = "hashtextextended('insula database ' || $1, 0)";
        await PgOwner.RunAsync(main, $"select pg_advisory_lock({name})", ct, database);
        try
        {
            var quoted = PgNames.Quote(database);
            if (!await PgOwner.FirstAsync<bool>(main, "select exists (select 1 from pg_database where datname = $1)", ct, database))
                await PgOwner.RunAsync(main, $"create database {quoted} template template0 encoding 'UTF8'", ct);
            // One statement each: together they would be one transaction, which "create database" is not.
            await PgOwner.RunAsync(main, $"revoke all on database {quoted} from public; grant connect on database {quoted} to {PgNames.Quote(runtime)}", ct);
        }
        finally
        {
            await PgOwner.RunAsync(main, $"select pg_advisory_unlock({name})", CancellationToken.None, database);
        }
    }
}
