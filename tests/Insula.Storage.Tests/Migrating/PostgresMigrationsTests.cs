using System.Collections.Concurrent;
using Insula.Storage.Migrating;
using Insula.Storage.Postgres;
using Insula.Storage.Tests.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Migrating;

public sealed class PostgresMigrationsTests(SharedPostgres shared) : IAsyncLifetime
{
    private const string Barrier = "4713";

    private static readonly PgSchemas Next = new(
        PostgresMigrationTests.Add(PgSchema.Control, "create table notes (tenant_id text collate \"C\" not null primary key, note text not null)"),
        PostgresMigrationTests.Add(PgSchema.Tenant, "alter table agents add column colour text"));

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
        await _outside.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task The_plan_for_an_empty_database_has_every_step_and_makes_nothing()
    {
        var before = await WorldAsync();

        var plan = await Of(PgSchemas.Shipped).PlanAsync(Ct);

        Assert.Equal([(StoreKind.Control, 1L), (StoreKind.Shared, 1L)], plan.Stores.Select(static store => (store.Kind, store.Behind)));
        Assert.Equal(PgSchema.Control.Migrations.Select(static step => step.Text.Name), plan.Stores[0].Steps.Select(static step => step.Name));
        Assert.Equal(PgSchema.Tenant.Migrations.Select(static step => step.Text.Name), plan.Stores[1].Steps.Select(static step => step.Name));
        Assert.False(plan.UpToDate);
        Assert.Equal(before, await WorldAsync());
    }

    [Fact]
    public async Task The_plan_says_which_stores_lack_which_steps_and_running_it_leaves_none()
    {
        await MakeAsync(schemas: 2, databases: 1);
        var stores = Of(Next);
        var before = await WorldAsync();

        var plan = await stores.PlanAsync(Ct);

        Assert.Equal(
            ["Control 1/1 next expand 1", "Shared 1/1 next expand 1", "Schema 2/2 next expand 2", "Database 1/1 next expand 1"],
            plan.Stores.Select(static store => $"{store.Kind} {store.Behind}/{store.Count} {string.Join(' ', store.Steps.Select(static step => $"{step.Name} {step.Phase} {step.Stores}"))}"));
        Assert.Equal(3, plan.TenantsBehind);
        Assert.Equal(before, await WorldAsync());

        ConcurrentQueue<MigrationNews> news = [];
        var outcome = await stores.RunAsync(news.Enqueue, Ct);

        Assert.Equal([StoreKind.Control, StoreKind.Shared], outcome.Steps.Select(static step => step.Kind));
        Assert.Equal((3, 0), (outcome.Migrated, outcome.Failed.Count));
        Assert.Equal([1, 2, 3], news.OfType<TenantsMigrated>().Select(static tenants => tenants.Done).Order());
        var after = await stores.PlanAsync(Ct);
        Assert.True(after.UpToDate);
        Assert.All(after.Stores, static store => Assert.Empty(store.Steps));
        Assert.Equal((0, 0), await OutcomeAsync(stores));
    }

    [Fact]
    public async Task A_plan_cannot_write()
    {
        await using var source = PgServer.PlanningSource(PgAddress.All(Options(PgSchemas.Shipped))[0].Address);
        await using var owner = await source.OpenConnectionAsync(Ct);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => PgOwner.RunAsync(owner, "create table made (n int)", Ct));

        Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
    }

    [Fact]
    public async Task The_plan_counts_what_this_program_must_not_touch_and_running_it_refuses()
    {
        var tenants = await MakeAsync(schemas: 3, databases: 0);
        await _outside.RunAsync($"update insula_owner.migrations set checksum = 'other' where schema_name = '{PgNames.SchemaOf(tenants[0].Id)}'");
        await _outside.RunAsync($"insert into insula_owner.migrations values ('{PgNames.SchemaOf(tenants[1].Id)}', {PgSchema.Tenant.Version + 1}, 'later', 'contract', 'x')");
        await _outside.RunAsync($"insert into insula_owner.migrations values ('insula_control', {PgSchema.Control.Version + 1}, 'later', 'contract', 'x')");

        var plan = await Of(PgSchemas.Shipped).PlanAsync(Ct);

        Assert.False(plan.UpToDate);
        Assert.Equal([1L, 0, 2], plan.Stores.Select(static store => store.Refused));
        Assert.Equal("store_newer_than_program", plan.Stores[0].Refusal?.Code);
        Assert.Equal("store_newer_than_program", (await Assert.ThrowsAsync<FaultException>(() => OutcomeAsync(Of(PgSchemas.Shipped)))).Fault.Code);
    }

    [Fact]
    public async Task A_tenant_that_fails_is_passed_over_told_of_and_in_the_next_plan()
    {
        var tenants = await MakeAsync(schemas: 2, databases: 1);
        var broken = PgNames.SchemaOf(tenants[0].Id);
        await _outside.RunAsync($"alter table {broken}.agents rename to gone");

        var outcome = await Of(Next).RunAsync(static _ => { }, Ct);

        Assert.Equal(2, outcome.Migrated);
        Assert.Equal((tenants[0].Id, broken), (Assert.Single(outcome.Failed).Tenant, outcome.Failed[0].Place));
        Assert.Contains("42P01", Assert.Single((await Of(Next).PlanAsync(Ct)).Failed).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beside_a_node_that_sweeps_it_waits_and_does_what_is_left()
    {
        await MakeAsync(schemas: 2, databases: 0);
        await using var node = await new PostgresHome(shared) { On = _database, Change = static options => options with { Schemas = Next } }.OpenAsync();
        var waits = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<MigrationOutcome> running;
        await using (await PgHold.TakeAsync(node.Get<PostgresStorage>().Servers.First(), MigrateTenants.Hold, Ct))
        {
            running = Of(Next).RunAsync(news => { if (news is WaitingForNode waiting) waits.TrySetResult(waiting.Left); }, Ct);
            Assert.Equal(2, await waits.Task.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Ct));
            Assert.False(running.IsCompleted);
        }

        Assert.Equal(2, (await running).Migrated);
    }

    [Fact]
    public async Task Stopped_in_the_middle_it_leaves_each_store_whole_and_another_run_goes_on()
    {
        var tenants = await MakeAsync(schemas: 4, databases: 0);
        var stuck = tenants.Select(static tenant => PgNames.SchemaOf(tenant.Id)).Order(StringComparer.Ordinal).ElementAt(2);
        var next = Next with { Tenant = PostgresMigrationTests.Add(PgSchema.Tenant, $"alter table agents add column colour text; do $$ begin if current_schema() = '{stuck}' then perform pg_advisory_xact_lock({Barrier}); end if; end $$") };
        await _outside.RunAsync($"select pg_advisory_lock({Barrier})");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var running = Of(next).RunAsync(static _ => { }, stop.Token);
        await _outside.UntilAsync($"select exists (select 1 from pg_locks where locktype = 'advisory' and objid = {Barrier} and not granted) and (select count(*) from insula_owner.migrations where name = 'next' and schema_name like 't\\_%') = 3");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Ct));

        await _outside.RunAsync($"select pg_advisory_unlock({Barrier})");
        Assert.Equal(1, (await Of(next).PlanAsync(Ct)).TenantsBehind);
        Assert.Equal((1, 0), await OutcomeAsync(Of(next)));
    }

    private PostgresOptions Options(PgSchemas schemas) => new() { Main = new Secret(_database.OwnerConnectionString), Schemas = schemas };

    private StoreMigrations Of(PgSchemas schemas) => StoreMigrations.Of(Options(schemas), TimeProvider.System);

    private static async Task<(long Migrated, int Failed)> OutcomeAsync(StoreMigrations stores)
    {
        var outcome = await stores.RunAsync(static _ => { }, Ct);
        return (outcome.Migrated, outcome.Failed.Count);
    }

    /// <summary>Tenants made by the program as it is shipped.</summary>
    private async Task<List<Tenant>> MakeAsync(int schemas, int databases)
    {
        await using var home = await new PostgresHome(shared) { On = _database }.OpenAsync();
        List<Tenant> tenants = [];
        for (var i = 0; i < schemas + databases; i++) tenants.Add(await home.AddTenantAsync(i < schemas ? Placement.Schema : Placement.Database));
        return tenants;
    }

    /// <summary>All that a plan could have made: what is in the database, what was recorded, roles and databases beside.</summary>
    private async Task<string> WorldAsync()
    {
        var journal = await _outside.TextAsync("select to_regclass('insula_owner.migrations')::text");
        return string.Join('\n',
        [
            await _outside.TextAsync("select string_agg(format('%s.%s', relnamespace::regnamespace, relname), ', ' order by oid) from pg_class where relnamespace::regnamespace::text !~ '^pg_'"),
            await _outside.TextAsync("select string_agg(nspname, ', ' order by oid) from pg_namespace"),
            await _outside.TextAsync($"select string_agg(rolname, ', ' order by oid) from pg_roles where starts_with(rolname, '{_database.Database}_')"),
            await _outside.TextAsync($"select string_agg(datname, ', ' order by oid) from pg_database where starts_with(datname, '{_database.Database}_')"),
            journal.Length == 0 ? "" : await _outside.TextAsync("select string_agg(m::text, ', ' order by schema_name, version) from insula_owner.migrations m"),
        ]);
    }
}
