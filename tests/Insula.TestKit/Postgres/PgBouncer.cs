using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Insula.TestKit.Postgres;

/// <summary>Debian's pgbouncer in front of a test's database, on a free port. It ends with the process that started it.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private const string Program = "/usr/sbin/pgbouncer";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly string _folder;

    private PgBouncer(Process process, string folder, string address)
    {
        _process = process;
        _folder = folder;
        OwnerConnectionString = address;
    }

    /// <summary>The owner's connection to the database, through the pooler.</summary>
    public string OwnerConnectionString { get; }

    /// <param name="mode">session or transaction.</param>
    public static async Task<PgBouncer> StartAsync(TestDatabase database, string mode, CancellationToken ct)
    {
        if (!File.Exists(Program)) throw new InvalidOperationException($"This test needs {Program}. Run the tests as root with 'make test', which installs it, or install it yourself: apt-get install pgbouncer");

        var folder = Directory.CreateTempSubdirectory("insula-bouncer-").FullName;
        var owner = new NpgsqlConnectionStringBuilder(database.OwnerConnectionString);
        var port = FreePort();
        await File.WriteAllTextAsync(Path.Combine(folder, "users"), $"\"{owner.Username}\" \"{owner.Password}\"\n", ct);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "pgbouncer.ini"),
            $"""
            [databases]
            * = host=127.0.0.1 port={owner.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {folder}/users
            pool_mode = {mode}
            logfile = {folder}/log
            ignore_startup_parameters = search_path
            """,
            ct);
        await PostgresInstallation.OwnAsync(folder, ct);
        var process = Process.Start(PostgresInstallation.Start(folder, ["setpriv", "--pdeathsig=KILL", Program, Path.Combine(folder, "pgbouncer.ini")]))!;
        var bouncer = new PgBouncer(process, folder, new NpgsqlConnectionStringBuilder(owner.ConnectionString) { Port = port, Pooling = false }.ConnectionString);
        await bouncer.UntilItAnswersAsync(ct);
        return bouncer;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task UntilItAnswersAsync(CancellationToken ct)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(OwnerConnectionString);
                await connection.OpenAsync(ct);
                return;
            }
            catch (NpgsqlException error)
            {
                if (_process.HasExited || TimeProvider.System.GetElapsedTime(start) > Limit)
                {
                    throw new InvalidOperationException($"pgbouncer does not answer: {(File.Exists(Path.Combine(_folder, "log")) ? await File.ReadAllTextAsync(Path.Combine(_folder, "log"), ct) : "no log")}", error);
                }
            }

            await Task.Delay(Pause, TimeProvider.System, ct);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
