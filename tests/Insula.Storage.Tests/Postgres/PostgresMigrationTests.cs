using Insula.Agents;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresMigrationTests(SharedPostgres shared) : IAsyncLifetime
{
    /// <summary>A lock of the test's own, by which a step waits until the test lets it go on.</summary>
    private const string Barrier = "4711";

    private const string Journal = "select string_agg(schema_name || ' ' || name, ', ' order by schema_name, version) from insula_owner.migrations";

    private static readonly PgSchemas Next = new(
        Add(PgSchema.Control, "create table notes (tenant_id text collate \"C\" not null primary key, note text not null)"),
        Add(PgSchema.Tenant, "alter table agents add column colour text"));

    private TestDatabase _database = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _database = await shared.CreateDatabaseAsync(Ct);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Eight_nodes_that_start_at_once_make_an_empty_database_once()
    {
        await using var nodes = await StartAsync(8, PgSchemas.Shipped);

        await using var outside = await Outside.OpenAsync(_database);
        var steps = PgSchema.Control.Migrations.Select(static step => $"insula_control {step.Text.Name}").Concat(PgSchema.Tenant.Migrations.Select(static step => $"insula_tenants {step.Text.Name}"));
        Assert.Equal(string.Join(", ", steps), await outside.TextAsync(Journal));
        Assert.All(nodes.Storages, static node => Assert.NotNull(node.Servers));
        foreach (var node in nodes.Storages) Assert.Null(await node.CheckAsync(Ct));
    }

    [Fact]
    public async Task Eight_nodes_that_start_at_once_apply_a_new_step_once()
    {
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();

        await using var nodes = await StartAsync(8, Next);

        await using var outside = await Outside.OpenAsync(_database);
        // Neither step can run twice.
        Assert.Equal("1", await outside.TextAsync("select count(*) from pg_attribute where attrelid = 'insula_tenants.agents'::regclass and attname = 'colour'"));
        Assert.Equal("2", await outside.TextAsync("select count(*) from insula_owner.migrations where name = 'next'"));
        Assert.Equal("true true 1", await outside.TextAsync("select format('%s %s %s', relrowsecurity::text, relforcerowsecurity::text, (select count(*) from pg_policy where polrelid = c.oid)) from pg_class c where oid = 'insula_control.notes'::regclass"));
    }

    [Fact]
    public async Task A_node_that_dies_in_the_middle_of_a_step_leaves_nothing_of_it_and_the_next_one_goes_on()
    {
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();
        await using var outside = await Outside.OpenAsync(_database);
        var before = await StateAsync(outside);
        await outside.RunAsync($"select pg_advisory_lock({Barrier})");
        var next = Next with { Tenant = Add(PgSchema.Tenant, $"alter table agents add column colour text; select pg_advisory_xact_lock({Barrier}); alter table agents add column size integer") };

        var dying = StartAsync(1, next);
        await outside.UntilAsync($"select exists (select 1 from pg_locks where locktype = 'advisory' and objid = {Barrier} and not granted)");
        await outside.RunAsync($"select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = {Barrier} and not granted");
        Assert.Equal("store_unavailable", (await Assert.ThrowsAsync<FaultException>(() => dying)).Fault.Code);

        // The control store's step came before and stands: each schema is whole by itself.
        Assert.Equal(before.Tenants, (await StateAsync(outside)).Tenants);
        await outside.RunAsync($"select pg_advisory_unlock({Barrier})");
        await using var second = await StartAsync(1, next);
        Assert.Equal("2", await outside.TextAsync("select count(*) from pg_attribute where attrelid = 'insula_tenants.agents'::regclass and attname in ('colour', 'size')"));
    }

    [Fact]
    public async Task A_step_that_fails_is_taken_back_and_the_program_before_it_goes_on()
    {
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();
        await using var outside = await Outside.OpenAsync(_database);
        var before = await StateAsync(outside);

        var broken = PgSchemas.Shipped with { Tenant = Add(PgSchema.Tenant, "alter table agents add column colour text; select 1 / 0") };
        var refused = await Assert.ThrowsAsync<FaultException>(() => StartAsync(1, broken));

        Assert.Equal("store_migration_failed", refused.Fault.Code);
        Assert.Contains("next", refused.Fault.Message, StringComparison.Ordinal);
        Assert.Contains("division by zero", refused.Fault.Internal, StringComparison.Ordinal);
        Assert.Equal(before, await StateAsync(outside));
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();
    }

    [Fact]
    public async Task A_step_that_was_changed_after_it_was_applied_is_refused_and_nothing_is_touched()
    {
        await (await StartAsync(1, Next)).DisposeAsync();
        await using var outside = await Outside.OpenAsync(_database);
        var before = await StateAsync(outside);

        var changed = PgSchemas.Shipped with { Tenant = Add(Add(PgSchema.Tenant, "alter table agents add column hue text"), "alter table agents add column size integer") };
        var refused = await Assert.ThrowsAsync<FaultException>(() => StartAsync(1, changed));

        Assert.Equal("store_migration_changed", refused.Fault.Code);
        Assert.Equal(before, await StateAsync(outside));
    }

    [Fact]
    public async Task A_program_works_on_a_store_that_is_newer_by_steps_that_expand()
    {
        await (await StartAsync(1, Next)).DisposeAsync();
        await using var outside = await Outside.OpenAsync(_database);
        var before = await StateAsync(outside);

        await using var home = new PostgresHome(shared) { On = _database };
        await home.OpenAsync();
        var tenant = await home.AddTenantAsync(Placement.Shared);
        await using var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Provision.For(tenant.Id), Ct);
        Assert.Empty((await store.Agents.ListAsync(new(IncludeArchived: true, TimeRange.Any), new PageRequest(10, null), Ct)).Items);

        Assert.Equal(before, await StateAsync(outside));
    }

    [Fact]
    public async Task A_program_refuses_a_store_that_is_newer_by_a_step_that_contracts_and_leaves_it()
    {
        await (await StartAsync(1, PgSchemas.Shipped with { Tenant = Add(PgSchema.Tenant, "alter table agents drop column name", phase: "contract") })).DisposeAsync();
        await using var outside = await Outside.OpenAsync(_database);
        var before = await StateAsync(outside);

        var refused = await Assert.ThrowsAsync<FaultException>(() => StartAsync(1, PgSchemas.Shipped));

        Assert.Equal("store_newer_than_program", refused.Fault.Code);
        Assert.Contains("newer program", refused.Fault.Message, StringComparison.Ordinal);
        Assert.Equal(before, await StateAsync(outside));
    }

    [Fact]
    public async Task A_step_that_gets_no_table_lets_the_statements_behind_it_through_and_comes_again()
    {
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();
        await using var reader = await Outside.OpenAsync(_database);
        await using var outside = await Outside.OpenAsync(_database);
        await reader.RunAsync("begin; lock table insula_tenants.agents in access share mode");

        var starting = StartAsync(1, Next);
        await outside.UntilAsync("select exists (select 1 from pg_locks where relation = 'insula_tenants.agents'::regclass and mode = 'AccessExclusiveLock' and not granted)");
        // It stands in the queue behind the step that stands behind the reader.
        await outside.RunAsync("set statement_timeout = '20s'; select count(*) from insula_tenants.agents");
        Assert.False(starting.IsCompleted);
        await reader.RunAsync("commit");

        await using var nodes = await starting;
        Assert.Equal("1", await outside.TextAsync("select count(*) from pg_attribute where attrelid = 'insula_tenants.agents'::regclass and attname = 'colour'"));
    }

    [Fact]
    public async Task A_step_that_only_adds_a_table_waits_for_nobody_who_uses_the_others()
    {
        await (await StartAsync(1, PgSchemas.Shipped)).DisposeAsync();
        await using var reader = await Outside.OpenAsync(_database);
        var tables = await reader.ColumnAsync("select format('insula_tenants.%I', relname) from pg_class where relnamespace = 'insula_tenants'::regnamespace and relkind = 'r'");
        await reader.RunAsync($"begin; lock table {string.Join(", ", tables)} in access share mode");

        var more = PgSchemas.Shipped with { Tenant = Add(PgSchema.Tenant, "create table notes (tenant_id text collate \"C\" not null primary key, note text not null)") };
        await using var nodes = await StartAsync(1, more).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Ct);

        Assert.Equal("1", await reader.TextAsync("select count(*) from pg_policy where polrelid = 'insula_tenants.notes'::regclass"));
    }

    /// <summary>A schema with one step more.</summary>
    internal static PgSchema Add(PgSchema schema, string sql, string phase = "expand") =>
        schema with { Migrations = [.. schema.Migrations, new PgMigration(new Migration(schema.Version + 1, "next", sql), phase)] };

    private async Task<Nodes> StartAsync(int count, PgSchemas schemas)
    {
        var options = new PostgresOptions { Main = new Secret(_database.OwnerConnectionString), Schemas = schemas };
        var nodes = new Nodes([.. Enumerable.Range(0, count).Select(_ => new PostgresStorage(options, TimeProvider.System, NullLogger<PostgresStorage>.Instance))]);
        try
        {
            await Task.WhenAll(nodes.Storages.Select(static node => node.OpenAsync(Ct)));
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    /// <summary>Everything that a migration could have left behind.</summary>
    private static async Task<(string Control, string Tenants)> StateAsync(Outside outside) => (await StateAsync(outside, "insula_control"), await StateAsync(outside, "insula_tenants"));

    private static Task<string> StateAsync(Outside outside, string schema) => outside.TextAsync(
        $"""
        select string_agg(line, e'\n' order by line) from (
          select format('%s %s %s %s %s', c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), c.relacl) from pg_class c left join pg_attribute a on a.attrelid = c.oid and not a.attisdropped where c.relnamespace = '{schema}'::regnamespace
          union all
          select format('policy %s %s %s', polname, polrelid::regclass, pg_get_expr(polqual, polrelid)) from pg_policy where polrelid::regclass::text like '{schema}.%'
          union all
          select format('step %s %s %s %s', version, name, checksum, applied_at) from insula_owner.migrations where schema_name = '{schema}'
        ) lines (line)
        """);

    private sealed record Nodes(IReadOnlyList<PostgresStorage> Storages) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            foreach (var node in Storages) await node.DisposeAsync();
        }
    }
}
