using Insula.Storage.Postgres;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>
/// What a tenant's connection reaches when the statement itself does not say whose rows it means. The tables come from the
/// catalog, so a new one is tested as soon as it is there.
/// </summary>
public sealed class IsolationTests(WalledHome home, SharedPostgres postgres) : IClassFixture<WalledHome>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string A => home.A.Id.ToString();

    private string B => home.B.Id.ToString();

    [Fact]
    public async Task A_tenant_with_a_wrong_filter_or_none_reaches_no_row_of_another()
    {
        List<string> leaks = [];
        var (tables, tried) = (0, 0);
        foreach (var place in home.Places)
        {
            await using var runtime = await place.RuntimeAsync();
            var all = await Relation.AllAsync(runtime, place.Schema);
            foreach (var relation in all)
            {
                await using var transaction = await runtime.BeginTransactionAsync(Ct);
                await place.ActAsync(runtime, A);
                var probes = new IsolationProbes(runtime, all, relation, A, B);
                leaks.AddRange(await probes.RunAsync());
                (tables, tried) = (tables + 1, tried + probes.Tried);
            }
        }

        TestContext.Current.SendDiagnosticMessage($"isolation: {tables} tables in {home.Places.Count} places, {tried} statements, {leaks.Count(static leak => !IsolationProbes.IsKnown(leak))} leaks");
        Assert.True(tables >= 34, $"only {tables} tables");
        var unknown = leaks.Where(static leak => !IsolationProbes.IsKnown(leak)).ToList();
        Assert.True(unknown.Count == 0, string.Join('\n', unknown));
        Assert.Equal(IsolationProbes.KnownOracles.Length, IsolationProbes.KnownOracles.Count(known => leaks.Exists(leak => leak.StartsWith(known, StringComparison.Ordinal))));
    }

    /// <summary>After a transaction the settings are empty, and before any they are not there: neither may stand for somebody.</summary>
    [Theory]
    [InlineData("select 1")]
    [InlineData("select set_config('insula.tenant', '', true), set_config('insula.platform', '', true)")]
    [InlineData("select set_config('insula.tenant', 'nobody', true), set_config('insula.platform', 'off', true)")]
    public async Task A_connection_that_says_nothing_sees_nothing_and_changes_nothing(string settings)
    {
        List<string> leaks = [];
        foreach (var place in home.Places)
        {
            await using var runtime = await place.RuntimeAsync();
            var all = await Relation.AllAsync(runtime, place.Schema);
            foreach (var relation in all)
            {
                await using var transaction = await runtime.BeginTransactionAsync(Ct);
                await Sql.RunAsync(runtime, settings + (place.Role is null ? "" : $"; set local role {place.Role}"));
                foreach (var statement in (string[])
                [
                    $"select from {relation.Name}",
                    $"update {relation.Name} set {relation.Columns[^1].Name} = null",
                    $"delete from {relation.Name}",
                    new RowMaker(all, relation).Insert(A, "own", 79),
                    new RowMaker(all, relation).Insert(B, "own", 79),
                ])
                {
                    if (await TouchedAsync(runtime, statement) is var touched and > 0) leaks.Add($"{place.Name}: {statement}: {touched} rows");
                }
            }
        }

        Assert.True(leaks.Count == 0, string.Join('\n', leaks));
    }

    [Fact]
    public async Task The_platforms_setting_opens_no_tenants_table()
    {
        foreach (var place in home.Places.Where(static place => place.Name != "control"))
        {
            await using var runtime = await place.RuntimeAsync();
            foreach (var relation in await Relation.AllAsync(runtime, place.Schema))
            {
                await using var transaction = await runtime.BeginTransactionAsync(Ct);
                await place.ActAsync(runtime, "", platform: true);
                Assert.Equal(0, await TouchedAsync(runtime, $"select from {relation.Name}"));
            }
        }
    }

    [Fact]
    public async Task Whatever_a_tenant_changes_and_deletes_the_rows_of_another_stay_as_they_were()
    {
        await using var own = new WalledHome(postgres);
        await own.InitializeAsync();
        var a = own.A.Id.ToString();
        foreach (var place in own.Places)
        {
            await using var superuser = await place.SuperuserAsync();
            await using var runtime = await place.RuntimeAsync();
            var all = await Relation.AllAsync(runtime, place.Schema);
            var before = await ForeignAsync(superuser, all, a);

            var changed = 0;
            await using (var transaction = await runtime.BeginTransactionAsync(Ct))
            {
                await place.ActAsync(runtime, a);
                foreach (var relation in all)
                {
                    var free = relation.Columns.Where(column => column.Name != relation.Key && !relation.Uniques.Concat(relation.References.Select(static reference => reference.Columns)).Any(columns => columns.Contains(column.Name))).ToList();
                    foreach (var column in free) changed += await TouchedAsync(runtime, $"update {relation.Name} set {column.Name} = {new RowMaker(all, relation).Literal(column, a, "changed", 99)}");
                }

                // References decide the order: round after round, until nothing of A's is left to delete.
                for (var round = 0; round < all.Count; round++)
                {
                    foreach (var relation in all) changed += await TouchedAsync(runtime, $"delete from {relation.Name}");
                }

                await transaction.CommitAsync(Ct);
            }

            Assert.True(changed >= all.Count, $"{place.Name}: only {changed} rows were changed");
            Assert.Equal(before, await ForeignAsync(superuser, all, a));
        }
    }

    [Fact]
    public async Task A_schema_is_closed_to_every_other_tenants_role_and_to_the_program_between_units()
    {
        var (own, other) = (home["schema"], PgNames.SchemaOf(home.B.Id));
        await using var runtime = await own.RuntimeAsync();
        foreach (var relation in await Relation.AllAsync(runtime, other))
        {
            // As A's role, even with B's own id set: the schema is not there for it. As no tenant's role: neither schema is.
            await RefusedAsync(own.Role!, B, $"select from {relation.Name}");
            await RefusedAsync(own.Role!, B, new RowMaker([relation], relation with { References = [] }).Insert(B, "own", 79));
            await RefusedAsync(own.RuntimeRole, B, $"select from {relation.Name}");
            await RefusedAsync(own.RuntimeRole, A, $"select from {own.Schema}.{relation.Plain}");
            await RefusedAsync(own.Role!, A, $"select from insula_tenants.{relation.Plain}");
        }

        await RefusedAsync(own.Role!, A, "select from insula_control.tenants");

        async Task RefusedAsync(string role, string tenant, string sql)
        {
            await using var transaction = await runtime.BeginTransactionAsync(Ct);
            await Sql.RunAsync(runtime, $"select set_config('role', '{role}', true), set_config('insula.tenant', '{tenant}', true)");
            var error = await Assert.ThrowsAsync<PostgresException>(() => Sql.RunAsync(runtime, sql));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, error.SqlState);
        }
    }

    [Theory]
    [InlineData("alter role current_user bypassrls")]
    [InlineData("alter role current_user superuser")]
    [InlineData("set role {owner}")]
    [InlineData("set session authorization {owner}")]
    [InlineData("grant {owner} to current_user")]
    [InlineData("create schema mine")]
    [InlineData("create table public.mine (n int)")]
    [InlineData("create table insula_tenants.mine (n int)")]
    [InlineData("create temporary table agents (n int)")]
    [InlineData("create function public.mine() returns int language sql as 'select 1'")]
    [InlineData("create database mine")]
    [InlineData("select value from insula_owner.secrets")]
    [InlineData("delete from insula_owner.migrations")]
    [InlineData("select pg_read_file('postgresql.conf')")]
    [InlineData("copy (select 1) to program 'true'")]
    [InlineData("alter database {database} set insula.platform = 'on'")]
    [InlineData("alter system set insula.platform = 'on'")]
    public async Task The_runtime_role_cannot_raise_itself_or_keep_anything_of_its_own(string statement)
    {
        await using var runtime = await home["shared"].RuntimeAsync();
        var sql = statement.Replace("{owner}", home.Home.Database.Owner, StringComparison.Ordinal).Replace("{database}", home.Home.Database.Database, StringComparison.Ordinal);
        var error = await Assert.ThrowsAsync<PostgresException>(() => Sql.RunAsync(runtime, sql));
        Assert.Contains(error.SqlState, (string[])[PostgresErrorCodes.InsufficientPrivilege, PostgresErrorCodes.ActiveSqlTransaction]);
    }

    /// <summary>Every row that is another's, as text.</summary>
    private static async Task<List<string>> ForeignAsync(NpgsqlConnection superuser, List<Relation> all, string own)
    {
        List<string> rows = [];
        foreach (var relation in all)
        {
            var foreign = relation.Key is null ? "true" : $"{relation.Key} <> '{own}'";
            rows.AddRange(await Sql.TextsAsync(superuser, $"select '{relation.Plain} ' || t::text from {relation.Name} t where {foreign} order by 1"));
        }

        Assert.True(rows.Count >= all.Count);
        return rows;
    }

    /// <summary>How many rows a statement read or changed; none when it was refused. Its transaction goes on.</summary>
    private static async Task<int> TouchedAsync(NpgsqlConnection connection, string sql)
    {
        await Sql.RunAsync(connection, "savepoint touch");
        try
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync(Ct);
            var read = 0;
            while (await reader.ReadAsync(Ct)) read++;
            await reader.CloseAsync();
            return read + Math.Max(0, reader.RecordsAffected);
        }
        catch (PostgresException)
        {
            await Sql.RunAsync(connection, "rollback to savepoint touch");
            return 0;
        }
    }
}
