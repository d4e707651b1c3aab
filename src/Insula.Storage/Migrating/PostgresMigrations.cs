using System.Collections.Concurrent;
using Insula.Storage.Postgres;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Insula.Storage.Migrating;

/// <summary>The migrations of a cluster. The plan is made on connections that cannot write.</summary>
internal sealed class PostgresMigrations(PostgresOptions options, TimeProvider time) : StoreMigrations
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    public override async Task<MigrationPlan> PlanAsync(CancellationToken ct)
    {
        options.Validate();
        List<PlannedStore> stores = [];
        List<FailedStore> failed = [];
        foreach (var (name, address) in PgAddress.All(options))
        {
            try
            {
                await using var source = PgServer.PlanningSource(address);
                await using var owner = await source.OpenConnectionAsync(ct);
                await PgServer.RefuseUnusableAsync(owner, ct);
                await PlanAsync(owner, name, address.Database!, stores, failed, ct);
            }
            catch (Exception error)
            {
                throw PgFaults.Map(error, name);
            }
        }

        return new MigrationPlan([.. stores.OrderBy(static store => store.Kind is StoreKind.Control ? 0 : store.Kind is StoreKind.Shared ? 1 : 2)], failed);
    }

    public override async Task<MigrationOutcome> RunAsync(Action<MigrationNews> tell, CancellationToken ct)
    {
        // The folder is a running node's own; this is none.
        await using var storage = new PostgresStorage(options with { DataFolder = null }, time, NullLogger<PostgresStorage>.Instance);
        await storage.OpenAsync(ct);
        var steps = storage.Servers.SelectMany(static server => server.Applied).ToList();
        foreach (var step in steps) tell(step);

        var sweep = new SweepTenants(storage.Servers);
        await using var hold = await HoldAsync(storage, sweep, tell, ct);
        var total = (await sweep.CountAsync(ct)).Stores;
        var done = 0L;
        ConcurrentQueue<FailedStore> failed = [];
        await sweep.RunAsync(
            swept =>
            {
                var failure = swept.Failure is { } why ? new FailedStore(swept.Server, swept.Place.Tenant, swept.Place.Name, $"{why.Code}: {why.Internal ?? why.Message}") : null;
                if (failure is not null) failed.Enqueue(failure);
                tell(new TenantsMigrated(Interlocked.Increment(ref done), total, failure));
            },
            ct);
        return new MigrationOutcome(steps, done - failed.Count, [.. failed]);
    }

    /// <summary>Waits for a node that sweeps: what it leaves undone is done here.</summary>
    private async Task<PgHold> HoldAsync(PostgresStorage storage, SweepTenants sweep, Action<MigrationNews> tell, CancellationToken ct)
    {
        while (true)
        {
            if (await PgHold.TryTakeAsync(storage.ServerOf(PlacementOptions.MainServer), MigrateTenants.Hold, ct) is { } hold) return hold;
            tell(new WaitingForNode((await sweep.CountAsync(ct)).Stores));
            await Task.Delay(AskAgain, time, ct);
        }
    }

    private async Task PlanAsync(NpgsqlConnection owner, string server, string database, List<PlannedStore> stores, List<FailedStore> failed, CancellationToken ct)
    {
        var seen = await PgJournal.ExistsAsync(owner, ct);
        if (server == PlacementOptions.MainServer) stores.Add(await OneAsync(owner, seen, server, StoreKind.Control, PgNames.ControlSchema, options.Schemas.Control, ct));
        stores.Add(await OneAsync(owner, seen, server, StoreKind.Shared, PgNames.TenantsSchema, options.Schemas.Tenant, ct));
        if (!seen) return;

        var places = await PgJournal.PlacesAsync(owner, options.Schemas.Tenant, PgNames.DatabasePrefixOf(database), ct);
        stores.AddRange(places.GroupBy(static group => group.Placement).OrderBy(static kind => kind.Key).Select(kind => new PlannedStore(
            server,
            kind.Key == Placement.Schema ? StoreKind.Schema : StoreKind.Database,
            kind.Sum(static group => group.Count),
            kind.Where(group => !group.Refused && group.Version < options.Schemas.Tenant.Version).Sum(static group => group.Count),
            kind.Where(static group => group.Refused).Sum(static group => group.Count),
            [.. options.Schemas.Tenant.Migrations
                .Select(step => Planned(step, kind.Where(group => !group.Refused && group.Version < step.Text.Version).Sum(static group => group.Count)))
                .Where(static step => step.Stores > 0)])));
        failed.AddRange((await PgJournal.FailuresAsync(owner, ct)).Select(failure => new FailedStore(server, failure.Place.Tenant, failure.Place.Name, failure.Reason)));
    }

    private static async Task<PlannedStore> OneAsync(NpgsqlConnection owner, bool seen, string server, StoreKind kind, string name, PgSchema schema, CancellationToken ct)
    {
        try
        {
            var missing = seen ? (await PgMigrator.StateAsync(owner, name, schema, ct)).Missing : schema.Migrations;
            return new PlannedStore(server, kind, Count: 1, Behind: missing.Count > 0 ? 1 : 0, Refused: 0, [.. missing.Select(static step => Planned(step, 1))]);
        }
        catch (FaultException error)
        {
            return new PlannedStore(server, kind, Count: 1, Behind: 0, Refused: 1, [], error.Fault);
        }
    }

    private static PlannedStep Planned(PgMigration step, long stores) => new(step.Text.Version, step.Text.Name, step.Phase, stores);
}
