using System.Diagnostics;

namespace Insula.TestKit.Postgres;

/// <summary>
/// A shell that is the parent of one PostgreSQL and takes orders over a pipe. When the pipe closes, because we are done
/// or because we were killed ourselves, it shuts PostgreSQL down and removes the folder: nothing outlives the tests.
/// It has a session of its own, so that a signal to our process group does not take it away before it has tidied up.
/// </summary>
internal sealed class Supervisor : IAsyncDisposable
{
    // A shell starts background programs with SIGINT and SIGQUIT ignored, so a PostgreSQL that is still starting may miss
    // SIGQUIT; it then ends on SIGTERM. One that has begun its immediate shutdown takes no notice of SIGTERM.
    private const string Script = """
        folder=$1 bin=$2; shift 2
        pid=
        while read -r order rest; do
          case $order in
            init) "$bin/initdb" -D "$folder/data" --pwfile="$folder/password" $rest >"$folder/initdb.log" 2>&1; echo $? ;;
            start) [ -z "$pid" ] || wait "$pid"; "$bin/postgres" -D "$folder/data" "$@" </dev/null >>"$folder/postgres.log" 2>&1 & pid=$!; echo "$pid" ;;
            signal) kill -$rest 2>/dev/null; echo done ;;
          esac
        done
        [ -z "$pid" ] || { kill -CONT "$pid"; kill -QUIT "$pid"; kill -TERM "$pid"; wait "$pid"; } 2>/dev/null
        cd / && rm -rf "$folder"
        """;

    private readonly Process _process;
    private readonly SemaphoreSlim _orders = new(1);

    private Supervisor(Process process) => _process = process;

    /// <summary>Ready to make a cluster in the folder, which it takes over, and to run it with these settings.</summary>
    public static async Task<Supervisor> StartAsync(PostgresInstallation installation, string folder, IReadOnlyDictionary<string, string> settings, CancellationToken ct)
    {
        await PostgresInstallation.OwnAsync(folder, ct);
        return new Supervisor(Process.Start(PostgresInstallation.Start(
            folder, ["setsid", "sh", "-c", Script, "sh", folder, installation.Folder, .. settings.SelectMany(static s => (string[])["-c", $"{s.Key}={s.Value}"])]))!);
    }

    /// <summary>Makes the cluster; the superuser's password is in the file <c>password</c> of the folder.</summary>
    public async Task InitializeAsync(string arguments, string log, CancellationToken ct)
    {
        var code = await OrderAsync($"init {arguments}", ct);
        if (code != "0") throw new InvalidOperationException($"initdb ended with {code}:\n{await File.ReadAllTextAsync(log, ct)}");
    }

    /// <summary>Starts PostgreSQL; the process id of the postmaster.</summary>
    public async Task<int> RunAsync(CancellationToken ct) => int.Parse(await OrderAsync("start", ct));

    /// <summary>Sends a signal to processes of the PostgreSQL's account; one that is gone is no error.</summary>
    public Task SignalAsync(string signal, IEnumerable<int> processes, CancellationToken ct) =>
        OrderAsync($"signal {signal} {string.Join(' ', processes)}", ct);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _orders.Dispose();
    }

    private async Task<string> OrderAsync(string order, CancellationToken ct)
    {
        await _orders.WaitAsync(ct);
        try
        {
            await _process.StandardInput.WriteLineAsync(order.AsMemory(), ct);
            await _process.StandardInput.FlushAsync(ct);

            // Without the token: an answer left unread would be taken for the answer to the next order.
            return await _process.StandardOutput.ReadLineAsync(CancellationToken.None)
                   ?? throw new InvalidOperationException($"The shell beside PostgreSQL is gone: {await _process.StandardError.ReadToEndAsync(ct)}");
        }
        finally
        {
            _orders.Release();
        }
    }
}
