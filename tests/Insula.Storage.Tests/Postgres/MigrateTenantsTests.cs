using System.Diagnostics.Metrics;
using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Server.Telemetry;
using Insula.Storage.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.Logging;

namespace Insula.Storage.Tests.Postgres;

public sealed class MigrateTenantsTests(SharedPostgres shared) : IAsyncLifetime
{
    private const string Barrier = "4712";

    private static readonly PgSchemas Next = With("alter table agents add column colour text");

    private readonly List<PostgresHome> _homes = [];
    private TestDatabase _database = null!;
    private Outside _outside = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await shared.CreateDatabaseAsync(Ct);
        _outside = await Outside.OpenAsync(_database);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var home in _homes) await home.DisposeAsync();
        await _outside.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Tenants_that_are_behind_are_migrated_where_they_live()
    {
        var tenants = await MakeAsync(3, 2);
        var home = await OpenAsync(Next);

        Assert.Equal(MigrateTenants.Rest, await home.Get<MigrateTenants>().PassAsync(Ct));

        foreach (var tenant in tenants) Assert.True(await HasColourAsync(tenant));
        Assert.Equal("0", await _outside.TextAsync("select count(*) from insula_owner.failed_migrations"));
        Assert.Equal("2", await _outside.TextAsync($"select count(*) from insula_owner.databases where version = {Next.Tenant.Version}"));
        Assert.Contains("3101 5", Log.Select(static line => $"{line.EventId} {line.Message.Split(' ')[0]}"));
        Assert.Equal((0, 0), Metrics(home));
    }

    [Fact]
    public async Task A_program_that_is_behind_leaves_newer_tenants_alone()
    {
        var home = await OpenAsync(Next);
        await home.AddTenantAsync(Placement.Schema);
        await home.AddTenantAsync(Placement.Database);

        var old = await OpenAsync(PgSchemas.Shipped);

        Assert.Equal(default, await new SweepTenants(old.Get<PostgresStorage>().Servers).CountAsync(Ct));
    }

    [Theory]
    [InlineData(Placement.Schema)]
    [InlineData(Placement.Database)]
    public async Task A_tenant_that_is_behind_is_migrated_before_its_first_use(Placement placement)
    {
        var (tenant, other) = ((await MakeAsync(placement))[0], (await MakeAsync(placement))[0]);
        var home = await OpenAsync(Next);

        await (await StoreAsync(home, tenant)).DisposeAsync();

        Assert.True(await HasColourAsync(tenant));
        Assert.False(await HasColourAsync(other));
    }

    [Fact]
    public async Task A_database_that_was_restored_from_an_older_copy_is_migrated_before_its_first_use()
    {
        var tenant = (await MakeAsync(Placement.Database))[0];
        await (await OpenAsync(Next)).Get<MigrateTenants>().PassAsync(Ct);
        await using (var inside = await Outside.OpenAsync(_database, PlaceOf(tenant)))
        {
            await inside.RunAsync("alter table insula_tenants.agents drop column colour; delete from insula_owner.migrations where name = 'next'");
        }

        await (await StoreAsync(await OpenAsync(Next), tenant)).DisposeAsync();

        Assert.True(await HasColourAsync(tenant));
    }

    [Fact]
    public async Task While_another_node_sweeps_this_one_does_not()
    {
        var tenants = await MakeAsync(2, 0);
        var (one, other) = (await OpenAsync(Next), await OpenAsync(Next));
        await using (await PgHold.TakeAsync(one.Get<PostgresStorage>().Servers.First(), MigrateTenants.Hold, Ct))
        {
            Assert.Equal(MigrateTenants.Soon, await other.Get<MigrateTenants>().PassAsync(Ct));
            Assert.False(await HasColourAsync(tenants[0]));
            Assert.Equal((2, 0), Metrics(other));
        }

        Assert.Equal(MigrateTenants.Rest, await other.Get<MigrateTenants>().PassAsync(Ct));
        Assert.True(await HasColourAsync(tenants[1]));
    }

    [Fact]
    public async Task A_tenant_that_cannot_be_migrated_is_recorded_told_of_passed_over_and_tried_again()
    {
        var tenants = await MakeAsync(5, 1);
        var broken = tenants.Where(static tenant => tenant.Placement == Placement.Schema).OrderBy(PlaceOf, StringComparer.Ordinal).First();
        await _outside.RunAsync($"alter table {PlaceOf(broken)}.agents rename to gone");
        var home = await OpenAsync(Next);

        Assert.Equal(MigrateTenants.Retry, await home.Get<MigrateTenants>().PassAsync(Ct));

        foreach (var tenant in tenants.Except([broken])) Assert.True(await HasColourAsync(tenant));
        Assert.Equal($"{PlaceOf(broken)} store_migration_failed", await _outside.TextAsync("select place || ' ' || split_part(reason, ':', 1) from insula_owner.failed_migrations"));
        Assert.Equal((1, 1), Metrics(home));
        var told = Assert.Single(Log, static line => line.Level == LogLevel.Error);
        Assert.Contains(broken.Id.ToString(), told.Message, StringComparison.Ordinal);
        Assert.Contains("42P01", told.Message, StringComparison.Ordinal);

        await _outside.RunAsync($"alter table {PlaceOf(broken)}.gone rename to agents");
        Assert.Equal(MigrateTenants.Rest, await home.Get<MigrateTenants>().PassAsync(Ct));
        Assert.True(await HasColourAsync(broken));
        Assert.Equal("0", await _outside.TextAsync("select count(*) from insula_owner.failed_migrations"));
        Assert.Equal((0, 0), Metrics(home));
    }

    [Fact]
    public async Task A_pass_that_is_stopped_ends_at_once_and_the_next_one_does_the_rest()
    {
        var tenants = (await MakeAsync(6, 0)).OrderBy(PlaceOf, StringComparer.Ordinal).ToList();
        var stuck = tenants[3];
        var next = With($"alter table agents add column colour text; do $$ begin if current_schema() = '{PlaceOf(stuck)}' then perform pg_advisory_xact_lock({Barrier}); end if; end $$");
        await _outside.RunAsync($"select pg_advisory_lock({Barrier})");
        var home = await OpenAsync(next);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var pass = home.Get<MigrateTenants>().PassAsync(stop.Token);
        await _outside.UntilAsync($"select exists (select 1 from pg_locks where locktype = 'advisory' and objid = {Barrier} and not granted) and (select count(*) from insula_owner.migrations where name = 'next') = 6");
        var asked = TimeProvider.System.GetTimestamp();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pass.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Ct));
        Assert.True(TimeProvider.System.GetElapsedTime(asked) < TimeSpan.FromSeconds(3));

        // All others, and the shared schema, are done; the one that was under way is as it was.
        Assert.False(await HasColourAsync(stuck));
        await _outside.RunAsync($"select pg_advisory_unlock({Barrier})");
        var later = await OpenAsync(next);
        Assert.Equal(1, (await new SweepTenants(later.Get<PostgresStorage>().Servers).CountAsync(Ct)).Stores);
        Assert.Equal(MigrateTenants.Rest, await later.Get<MigrateTenants>().PassAsync(Ct));
        foreach (var tenant in tenants) Assert.True(await HasColourAsync(tenant));
    }

    [Fact]
    public async Task First_uses_on_several_nodes_and_the_sweep_at_once_migrate_each_tenant_once()
    {
        var tenants = await MakeAsync(8, 3);
        var nodes = new List<PostgresHome>();
        for (var i = 0; i < 3; i++) nodes.Add(await OpenAsync(Next));

        var uses = nodes.SelectMany(node => tenants.Select(tenant => UseAsync(node, tenant)));
        await Task.WhenAll([.. uses, .. nodes.Select(static node => (Task)node.Get<MigrateTenants>().PassAsync(Ct))]);

        foreach (var tenant in tenants) Assert.True(await HasColourAsync(tenant));
        Assert.Equal("0", await _outside.TextAsync("select count(*) from insula_owner.failed_migrations"));
        Assert.DoesNotContain(Log, static line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task It_tells_how_far_it_is_every_five_seconds_and_looks_again_after_a_rest()
    {
        var clock = new ManualClock();
        var tenants = await MakeAsync(2, 0);
        await _outside.RunAsync($"select pg_advisory_lock({Barrier})");
        var home = await OpenAsync(With($"alter table agents add column colour text; do $$ begin if current_schema() like 't\\_%' then perform pg_advisory_xact_lock({Barrier}); end if; end $$"), clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var running = home.Get<MigrateTenants>().RunAsync(stop.Token);
        await clock.TimerArmedAsync(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(6), Ct);
        clock.Advance(TimeSpan.FromSeconds(5));
        await UntilToldAsync(3102);
        Assert.Equal("Migrated 0 of 2 tenants' stores, 0 failed", Log.First(static line => line.EventId == 3102).Message);

        await _outside.RunAsync($"select pg_advisory_unlock({Barrier})");
        await clock.TimerArmedAsync(MigrateTenants.Rest - TimeSpan.FromSeconds(1), MigrateTenants.Rest + TimeSpan.FromSeconds(1), Ct);
        foreach (var tenant in tenants) Assert.True(await HasColourAsync(tenant));

        // Somebody restores an old copy of one.
        await _outside.RunAsync($"alter table {PlaceOf(tenants[0])}.agents drop column colour; delete from insula_owner.migrations where name = 'next' and schema_name = '{PlaceOf(tenants[0])}'");
        clock.Advance(MigrateTenants.Rest);
        await _outside.UntilAsync($"select exists (select 1 from insula_owner.migrations where name = 'next' and schema_name = '{PlaceOf(tenants[0])}')");

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private IReadOnlyList<LogLine> Log => [.. _homes.SelectMany(static home => home.Log.Lines)];

    private static PgSchemas With(string sql) => PgSchemas.Shipped with { Tenant = PostgresMigrationTests.Add(PgSchema.Tenant, sql) };

    private static async Task<ITenantStore> StoreAsync(PostgresHome home, Tenant tenant) => await home.Get<ITenantStores>().OpenAsync(SystemTask.Provision.For(tenant.Id), Ct);

    private static async Task UseAsync(PostgresHome home, Tenant tenant)
    {
        await using var store = await StoreAsync(home, tenant);
        Assert.Null(await store.Agents.FindAsync(Id<Agent>.New(), null, Ct));
    }

    /// <summary>What the metrics page says: tenants that are pending, and that failed.</summary>
    private static (int Pending, int Failed) Metrics(PostgresHome home)
    {
        using var page = new MetricsPage(home.Get<IMeterFactory>());
        var lines = page.Write().Split('\n').Where(static line => line.StartsWith("insula_store_", StringComparison.Ordinal)).Select(static line => line.Split(' ')).ToDictionary(static words => words[0], static words => int.Parse(words[1]));
        return (lines["insula_store_migrations_pending"], lines["insula_store_migrations_failed"]);
    }

    /// <summary>Tenants made by the program as it is shipped.</summary>
    private async Task<List<Tenant>> MakeAsync(int schemas, int databases)
    {
        await using var home = await new PostgresHome(shared) { On = _database }.OpenAsync();
        List<Tenant> tenants = [];
        for (var i = 0; i < schemas; i++) tenants.Add(await home.AddTenantAsync(Placement.Schema));
        for (var i = 0; i < databases; i++) tenants.Add(await home.AddTenantAsync(Placement.Database));
        return tenants;
    }

    private Task<List<Tenant>> MakeAsync(Placement placement) => placement == Placement.Schema ? MakeAsync(1, 0) : MakeAsync(0, 1);

    /// <summary>A node of a program with these migrations.</summary>
    private async Task<PostgresHome> OpenAsync(PgSchemas schemas, TimeProvider? time = null)
    {
        var home = new PostgresHome(shared) { On = _database, Time = time ?? TimeProvider.System, Change = options => options with { Schemas = schemas } };
        _homes.Add(home);
        return await home.OpenAsync();
    }

    private string PlaceOf(Tenant tenant) => tenant.Placement == Placement.Schema ? PgNames.SchemaOf(tenant.Id) : PgNames.DatabaseOf(_database.Database, tenant.Id);

    private async Task<bool> HasColourAsync(Tenant tenant)
    {
        await using var beside = await Outside.OpenAsync(_database, tenant.Placement == Placement.Database ? PlaceOf(tenant) : null);
        var schema = tenant.Placement == Placement.Database ? PgNames.TenantsSchema : PlaceOf(tenant);
        return await beside.TextAsync($"select exists (select 1 from pg_attribute where attrelid = to_regclass('{schema}.agents') and attname = 'colour')") == "True";
    }

    private async Task UntilToldAsync(int eventId)
    {
        while (!Log.Any(line => line.EventId == eventId)) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
    }
}
