using System.Diagnostics;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres;

/// <summary>The PostgreSQL that the other tests stand on: what it promises about crashes must be so, or theirs prove nothing.</summary>
public sealed class PostgresServerTests(SharedPostgres shared)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_database_answers_its_owner_who_is_no_superuser()
    {
        await using var database = await shared.CreateDatabaseAsync(Ct);
        await using var owner = await OpenAsync(database.OwnerConnectionString);

        Assert.Equal(database.Database, await ScalarAsync(owner, "select current_database()"));
        Assert.Equal(
            (object[])[database.Owner, false, true, true, true],
            await RowAsync(owner, "select current_user::text, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname = current_user"));
        Assert.Equal("off", await ScalarAsync(owner, "show fsync"));
        Assert.Equal("UTF8 C.UTF-8", await ScalarAsync(owner, "select pg_encoding_to_char(encoding) || ' ' || datcollate from pg_database where datname = current_database()"));
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        await using var database = await shared.CreateDatabaseAsync(Ct);
        var wrong = new NpgsqlConnectionStringBuilder(database.OwnerConnectionString) { Password = "wrong" }.ConnectionString;

        var refusal = await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(wrong));
        Assert.Equal(PostgresErrorCodes.InvalidPassword, refusal.SqlState);
    }

    [Fact]
    public async Task The_uri_and_the_unix_socket_lead_to_it_too()
    {
        await using var database = await shared.CreateDatabaseAsync(Ct);
        var psql = new ProcessStartInfo(database.Server.Bin("psql"), [database.OwnerUri, "-Atc", "select current_user"]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(psql)!;
        Assert.Equal(database.Owner, (await process.StandardOutput.ReadToEndAsync(Ct)).Trim());

        var local = new NpgsqlConnectionStringBuilder(database.OwnerConnectionString) { Host = database.Server.Folder };
        await using var owner = await OpenAsync(local.ConnectionString);
        Assert.Equal(DBNull.Value, await ScalarAsync(owner, "select inet_server_addr()"));
    }

    [Fact]
    public async Task Dropping_a_database_drops_what_its_owner_made_beside_it()
    {
        var server = await shared.ServerAsync(Ct);
        var database = await server.CreateDatabaseAsync(Ct);
        await using (var owner = await OpenAsync(database.OwnerConnectionString))
        {
            await RunAsync(owner, $"create role {database.Database}_runtime login");
            await RunAsync(owner, "create role t_of_a_tenant");
            await RunAsync(owner, "create schema inside");
            await RunAsync(owner, "grant usage on schema inside to t_of_a_tenant");
            await RunAsync(owner, $"create database {database.Database}_t_1");

            await database.DisposeAsync();
        }

        await using var connection = await OpenAsync(server.ConnectionString("postgres"));
        Assert.Equal(0L, await ScalarAsync(connection, $"select count(*) from pg_database where starts_with(datname, '{database.Database}_') or datname = '{database.Database}'"));
        Assert.Equal(0L, await ScalarAsync(connection, $"select count(*) from pg_roles where starts_with(rolname, '{database.Database}_') or rolname = 't_of_a_tenant'"));
    }

    [Fact]
    public async Task Killed_and_started_again_it_has_every_committed_row_and_no_other()
    {
        await using var server = await PostgresServer.StartAsync(new PostgresServerOptions { ConnectionsMax = 20 }, Ct);
        var database = await server.CreateDatabaseAsync(Ct);
        await using (var owner = await OpenAsync(database.OwnerConnectionString))
        {
            await RunAsync(owner, "create table rows (n int)");
            await RunAsync(owner, "insert into rows values (1), (2)");
            await using var open = await owner.BeginTransactionAsync(Ct);
            await RunAsync(owner, "insert into rows values (3)");
            await server.KillAsync(Ct);

            await Assert.ThrowsAnyAsync<NpgsqlException>(() => open.CommitAsync(Ct));
            await Assert.ThrowsAnyAsync<NpgsqlException>(() => OpenAsync(database.OwnerConnectionString));
        }

        var (port, killed) = (server.Port, server.Pid);
        await server.RestartAsync(Ct);

        Assert.Equal(port, server.Port);
        Assert.NotEqual(killed, server.Pid);
        await using (var owner = await OpenAsync(database.OwnerConnectionString))
        {
            Assert.Equal("1,2", await ScalarAsync(owner, "select string_agg(n::text, ',' order by n) from rows"));
        }

        Assert.Contains("was not properly shut down", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopped_in_good_order_it_needs_no_recovery()
    {
        await using var server = await PostgresServer.StartAsync(new PostgresServerOptions { ConnectionsMax = 20 }, Ct);
        await server.StopAsync(Ct);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => OpenAsync(server.ConnectionString("postgres")));

        await server.RestartAsync(Ct);

        await using var connection = await OpenAsync(server.ConnectionString("postgres"));
        Assert.Equal(1, await ScalarAsync(connection, "select 1"));
        Assert.DoesNotContain("was not properly shut down", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposed_it_leaves_no_process_and_no_folder()
    {
        var server = await PostgresServer.StartAsync(new PostgresServerOptions { ConnectionsMax = 20, Settings = new Dictionary<string, string> { ["jit"] = "off" } }, Ct);
        await using var connection = await OpenAsync(server.ConnectionString("postgres"));
        Assert.Equal("off", await ScalarAsync(connection, "show jit"));

        await server.DisposeAsync();

        Assert.False(Directory.Exists($"/proc/{server.Pid}"));
        Assert.False(Directory.Exists(server.Folder));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ScalarAsync(connection, "select 1"));
    }

    private static async Task<NpgsqlConnection> OpenAsync(string text)
    {
        var connection = new NpgsqlConnection(text);
        await connection.OpenAsync(Ct);
        return connection;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql) => await ScalarAsync(connection, sql);

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct);
    }

    private static async Task<object[]> RowAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(Ct);
        Assert.True(await reader.ReadAsync(Ct));
        var values = new object[reader.FieldCount];
        reader.GetValues(values);
        return values;
    }
}
