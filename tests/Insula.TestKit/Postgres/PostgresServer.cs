using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;

namespace Insula.TestKit.Postgres;

/// <summary>
/// A real PostgreSQL of the tests' own, in a temporary folder and on a free port of 127.0.0.1. It can be killed without
/// warning and started again on the same folder and port. It goes away with the process that started it, even when that is
/// killed, and so does its folder.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Superuser = "postgres";
    private const int PortsTried = 5;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly PostgresInstallation _installation;
    private readonly Supervisor _supervisor;
    private readonly string _password;
    private int _databases;
    private int _postmaster;

    private PostgresServer(PostgresInstallation installation, Supervisor supervisor, string folder, int port, string password)
    {
        _installation = installation;
        _supervisor = supervisor;
        _password = password;
        Folder = folder;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Holds its data, its log and its unix socket: <c>Host=</c> this folder connects over the socket.</summary>
    public string Folder { get; }

    /// <summary>Everything it has logged so far.</summary>
    public string Log => File.Exists(LogPath) ? File.ReadAllText(LogPath) : "";

    /// <summary>The process id of the postmaster; 0 before it was started.</summary>
    public int Pid => _postmaster;

    private string LogPath => Path.Combine(Folder, "postgres.log");

    /// <summary>Makes a new cluster and starts it; ready when it answers.</summary>
    public static async Task<PostgresServer> StartAsync(PostgresServerOptions options, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var server = await PrepareAsync(options, ct);
            try
            {
                await server.LaunchAsync(ct);
                return server;
            }
            catch (Exception e)
            {
                // Somebody else may have taken the port since we found it free.
                var again = e is InvalidOperationException && attempt < PortsTried && server.Log.Contains("could not bind", StringComparison.Ordinal);
                await server.DisposeAsync();
                if (!again) throw;
            }
        }
    }

    /// <summary>The superuser's connection string.</summary>
    public string ConnectionString(string database) => ConnectionString(database, Superuser, _password);

    /// <summary>The superuser's connection string as a URI.</summary>
    public string Uri(string database) => Uri(database, Superuser, _password);

    /// <summary>The path of a program that came with it: psql, pgbench.</summary>
    public string Bin(string name) => Path.Combine(_installation.Folder, name);

    /// <summary>An empty database with an owner of its own. The password is the tests' only: nothing else listens to it.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync(CancellationToken ct)
    {
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        var owner = $"{name}_owner";
        var password = NewPassword();
        await using var connection = await AdministerAsync(ct);
        await RunAsync(connection, $"create role {owner} login createrole createdb nosuperuser password '{password}'", ct);
        await RunAsync(connection, $"create database {name} owner {owner}", ct);
        return new TestDatabase(name, ConnectionString(name, owner, password), ConnectionString(name))
        {
            OwnerUri = Uri(name, owner, password),
            Owner = owner,
            Server = this,
        };
    }

    /// <summary>
    /// Drops the database, every other database of its owner, and the roles that held rights in them. Connections to them
    /// are cut.
    /// </summary>
    public async Task DropDatabaseAsync(TestDatabase database, CancellationToken ct)
    {
        await using var connection = await AdministerAsync(ct);
        var databases = await NamesAsync(
            connection, $"select datname from pg_database where datdba = (select oid from pg_roles where rolname = '{database.Owner}')", ct);
        var roles = await NamesAsync(
            connection,
            $"""
             select rolname from pg_roles where not rolsuper and rolname !~ '^pg_' and (starts_with(rolname, '{database.Database}_') or oid in (
               select refobjid from pg_shdepend
               where dbid in (select oid from pg_database where datdba = (select oid from pg_roles where rolname = '{database.Owner}'))))
             """,
            ct);
        foreach (var name in databases)
        {
            await RunAsync(connection, $"drop database if exists \"{name}\" with (force)", ct);
        }

        foreach (var name in roles)
        {
            await RunAsync(connection, $"drop role if exists \"{name}\"", ct);
        }

        foreach (var text in (string[])[database.OwnerConnectionString, database.SuperuserConnectionString])
        {
            await using var pooled = new NpgsqlConnection(text);
            NpgsqlConnection.ClearPool(pooled);
        }
    }

    /// <summary>SIGKILL to the postmaster and to every backend, as when the machine's memory runs out: nothing is tidied up.</summary>
    public async Task KillAsync(CancellationToken ct)
    {
        if (ProcessTree.State(_postmaster) is null) return;

        // Stopped first, so that it cannot start a backend that we have not seen, nor shut the others down in good order.
        await _supervisor.SignalAsync("STOP", [_postmaster], ct);
        await UntilAsync(() => ProcessTree.State(_postmaster) is 'T' or null, "stop on SIGSTOP", ct);
        int[] all = [_postmaster, .. ProcessTree.Children(_postmaster)];
        await _supervisor.SignalAsync("KILL", all, ct);
        await UntilAsync(() => all.All(static pid => ProcessTree.State(pid) is null), "end on SIGKILL", ct);
    }

    /// <summary>Starts it again, on the same folder and port; stops it in good order before if it still runs.</summary>
    public async Task RestartAsync(CancellationToken ct)
    {
        await StopAsync(ct);
        await LaunchAsync(ct);
    }

    /// <summary>Shuts it down in good order: connections are cut, what is committed is on disk.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        if (ProcessTree.State(_postmaster) is null) return;
        await _supervisor.SignalAsync("INT", [_postmaster], ct);
        await UntilAsync(() => ProcessTree.State(_postmaster) is null, "shut down", ct);
    }

    /// <summary>Stops it at once and removes its folder.</summary>
    public ValueTask DisposeAsync() => _supervisor.DisposeAsync();

    private static async Task<PostgresServer> PrepareAsync(PostgresServerOptions options, CancellationToken ct)
    {
        var installation = PostgresInstallation.Find();
        var folder = Directory.CreateTempSubdirectory("insula-pg-").FullName;
        var password = NewPassword();
        var port = FreePort();
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = port.ToString(),
            ["unix_socket_directories"] = folder,
            ["max_connections"] = options.ConnectionsMax.ToString(),
            ["shared_buffers"] = options.SharedBuffers,
            ["fsync"] = options.Fsync ? "on" : "off",
            ["log_line_prefix"] = "%m [%p] %q%u@%d ",
        };
        foreach (var (name, value) in options.Settings) settings[name] = value;

        await File.WriteAllTextAsync(Path.Combine(folder, "password"), password, ct);
        var server = new PostgresServer(installation, await Supervisor.StartAsync(installation, folder, settings, ct), folder, port, password);
        try
        {
            await server._supervisor.InitializeAsync(
                $"--username={Superuser} --auth=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8 --no-sync", Path.Combine(folder, "initdb.log"), ct);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        File.Delete(Path.Combine(folder, "password"));
        return server;
    }

    /// <summary>
    /// A port below those that the system gives to outgoing connections: no client can take it while PostgreSQL is down, nor
    /// end up connected to itself when it tries to reach a PostgreSQL that is.
    /// </summary>
    private static int FreePort()
    {
        var end = int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t')[0]);
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(Math.Min(10_000, end / 2), end);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: try another.
            }
        }
    }

    private static string NewPassword() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private async Task LaunchAsync(CancellationToken ct)
    {
        _postmaster = await _supervisor.RunAsync(ct);
        var running = true;
        await UntilAsync(async () => !(running = ProcessTree.State(_postmaster) is not null) || await AnswersAsync(ct), "answer", ct);
        if (!running) throw new InvalidOperationException($"PostgreSQL ended before it answered:\n{Log}");
    }

    private async Task<bool> AnswersAsync(CancellationToken ct)
    {
        try
        {
            await using var connection = await AdministerAsync(ct);
            return true;
        }
        catch (NpgsqlException)
        {
            // Not listening yet, or still recovering.
            return false;
        }
    }

    /// <summary>A connection of the superuser's to the database in which no test keeps anything, so that all others can be dropped.</summary>
    private async Task<NpgsqlConnection> AdministerAsync(CancellationToken ct)
    {
        var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync(ct);
        return connection;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<List<string>> NamesAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var names = new List<string>();
        while (await reader.ReadAsync(ct)) names.Add(reader.GetString(0));
        return names;
    }

    private Task UntilAsync(Func<bool> reached, string what, CancellationToken ct) => UntilAsync(() => Task.FromResult(reached()), what, ct);

    private async Task UntilAsync(Func<Task<bool>> reached, string what, CancellationToken ct)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await reached())
        {
            if (TimeProvider.System.GetElapsedTime(start) > Limit) throw new TimeoutException($"PostgreSQL did not {what} within {Limit.TotalSeconds:0} s:\n{Log}");
            await Task.Delay(Pause, TimeProvider.System, ct);
        }
    }

    private string ConnectionString(string database, string user, string password) =>
        new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Database = database, Username = user, Password = password }.ConnectionString;

    private string Uri(string database, string user, string password) => $"postgresql://{user}:{password}@127.0.0.1:{Port}/{database}";
}
