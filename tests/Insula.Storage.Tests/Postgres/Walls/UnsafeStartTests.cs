using Insula.Agents;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>What an operator, or a tenant, meets of an unsafe database.</summary>
public sealed class UnsafeStartTests(SharedPostgres postgres) : IAsyncLifetime
{
    private readonly PostgresHome _home = new(postgres);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Runtime => $"{_home.Database.Database}_runtime";

    public async ValueTask InitializeAsync() => await _home.OpenAsync();

    public ValueTask DisposeAsync() => _home.DisposeAsync();

    [Theory]
    [InlineData("alter role {runtime} bypassrls", "alter role {runtime} nobypassrls")]
    [InlineData("grant truncate on insula_tenants.events to {runtime}", "revoke TRUNCATE on insula_tenants.events from {runtime}")]
    [InlineData("alter table insula_control.api_keys no force row level security", "alter table insula_control.api_keys force row level security")]
    [InlineData("create view insula_tenants.report as select * from insula_tenants.events", "alter view insula_tenants.report set (security_invoker = true)")]
    [InlineData("grant {owner} to {runtime}", "revoke {owner} from {runtime}")]
    public async Task A_start_names_the_hole_and_the_sql_that_mends_it_and_succeeds_after_it(string hole, string mend)
    {
        await _home.CloseAsync();
        await SuperuserAsync(hole);

        var fault = await RefusedAsync();
        Assert.Equal("database_unsafe", fault.Code);
        Assert.Contains("server 'main'", fault.Message, StringComparison.Ordinal);
        Assert.Contains($": {Named(mend)};", fault.Message, StringComparison.Ordinal);

        await SuperuserAsync(mend);
        await _home.OpenAsync();
    }

    [Fact]
    public async Task A_message_names_the_first_holes_and_how_many_more_there_are()
    {
        await _home.CloseAsync();
        await SuperuserAsync("grant truncate, references, trigger on all tables in schema insula_tenants to {runtime}");

        var lines = (await RefusedAsync()).Message.Split('\n');
        Assert.Equal(22, lines.Length);
        Assert.Matches("^- and [0-9]+ more; 'insula doctor' names all.$", lines[^1]);
    }

    [Theory]
    [InlineData("alter role {runtime} password 'changed'", "delete from insula_owner.secrets where name = 'runtime_password'")]
    [InlineData("alter role {runtime} nologin", "alter role {runtime} login")]
    [InlineData("revoke connect on database {database} from public, {runtime}", "grant connect on database {database} to {runtime}")]
    public async Task A_runtime_role_that_cannot_log_in_is_told_with_what_lets_it_in_again(string change, string mend)
    {
        await _home.CloseAsync();
        NpgsqlConnection.ClearAllPools();
        await SuperuserAsync(change);

        var fault = await RefusedAsync();
        Assert.Equal("database_login_refused", fault.Code);
        Assert.Contains(Named(mend).Replace(_home.Database.Database, $"\"{_home.Database.Database}\"", StringComparison.Ordinal).Replace($"\"{_home.Database.Database}\"_runtime", $"\"{Runtime}\"", StringComparison.Ordinal), fault.Message, StringComparison.Ordinal);

        await SuperuserAsync(mend);
        await _home.OpenAsync();
    }

    [Theory]
    [InlineData(Placement.Schema)]
    [InlineData(Placement.Database)]
    public async Task A_tenants_own_place_with_a_hole_stays_closed_until_it_is_mended_and_no_other_does(Placement placement)
    {
        var (broken, whole) = (await _home.AddTenantAsync(placement), await _home.AddTenantAsync(placement));
        await _home.ReopenAsync();
        var events = placement == Placement.Schema ? $"t_{broken.Id.Value:x32}.events" : "insula_tenants.events";
        var database = placement == Placement.Schema ? null : $"{_home.Database.Database}_t_{broken.Id.Value:x32}";
        await SuperuserAsync($"alter table {events} disable row level security", database);

        var fault = (await Assert.ThrowsAsync<FaultException>(() => UseAsync(broken))).Fault;
        Assert.Equal("database_unsafe", fault.Code);
        // The tenant reads the message, the operator the detail.
        Assert.DoesNotContain("events", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"alter table {events} enable row level security;", fault.Internal, StringComparison.Ordinal);
        await UseAsync(whole);

        await SuperuserAsync($"alter table {events} enable row level security", database);
        await UseAsync(broken);
    }

    [Theory]
    [InlineData("No Reset On Close=true")]
    [InlineData("Multiplexing=true")]
    [InlineData("Enlist=true")]
    [InlineData("Options=-c insula.platform=on")]
    [InlineData("Search Path=public")]
    [InlineData("Host=one,two")]
    public async Task A_connection_setting_that_would_let_tenants_meet_is_refused_before_anything_is_opened(string setting)
    {
        await using var home = new PostgresHome(postgres) { Common = true, Change = options => options with { Main = new Secret($"{options.Main.Reveal()};{setting}") } };
        var fault = (await Assert.ThrowsAsync<FaultException>(home.OpenAsync)).Fault;

        Assert.Contains(fault.Code, (string[])["unsafe_database_setting", "invalid_database"]);
        Assert.Equal("INSULA_DATABASE", fault.Field);
    }

    [Fact]
    public async Task The_same_settings_are_refused_in_a_uri()
    {
        await using var home = new PostgresHome(postgres) { Common = true, Change = static options => options with { Main = new Secret("postgresql://u:p@h/d?options=-c%20insula.platform%3Don") } };
        Assert.Equal("unsafe_database_setting", (await Assert.ThrowsAsync<FaultException>(home.OpenAsync)).Fault.Code);
    }

    [Theory]
    [InlineData("transaction")]
    [InlineData("session")]
    public async Task A_pooler_in_front_of_the_database_is_refused(string mode)
    {
        await _home.CloseAsync();
        await using var bouncer = await PgBouncer.StartAsync(_home.Database, mode, Ct);
        await using var home = new PostgresHome(postgres) { Change = options => options with { Main = new Secret(bouncer.OwnerConnectionString) } };

        Assert.Equal("database_behind_pooler", (await Assert.ThrowsAsync<FaultException>(home.OpenAsync)).Fault.Code);
    }

    private async Task UseAsync(Tenant tenant)
    {
        await using var store = await _home.Get<ITenantStores>().OpenAsync(SystemTask.Run.For(tenant.Id), Ct);
        await store.Knowledge.ListAsync(new PageRequest(1, null), Ct);
    }

    private async Task<Fault> RefusedAsync() => (await Assert.ThrowsAsync<FaultException>(_home.OpenAsync)).Fault;

    private async Task SuperuserAsync(string sql, string? database = null)
    {
        var address = new NpgsqlConnectionStringBuilder(_home.Database.SuperuserConnectionString) { Pooling = false };
        if (database is not null) address.Database = database;
        await using var superuser = await Sql.OpenAsync(address.ConnectionString);
        await Sql.RunAsync(superuser, Named(sql));
    }

    private string Named(string sql) => sql
        .Replace("{runtime}", Runtime, StringComparison.Ordinal)
        .Replace("{owner}", _home.Database.Owner, StringComparison.Ordinal)
        .Replace("{database}", _home.Database.Database, StringComparison.Ordinal);
}
