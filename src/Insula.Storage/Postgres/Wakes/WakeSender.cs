using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Insula.Storage.Postgres.Wakes;

/// <summary>
/// Sends what is announced, one batch after the other: what comes while a batch is under way goes with the next one, so a
/// busy node sends no more often than the server answers. What could not be sent waits for the server to come back; when
/// too much waits, it becomes "everything".
/// </summary>
internal sealed class WakeSender : IAsyncDisposable
{
    private const int WaitingMax = 20_000;

    /// <summary>A lost wake costs nothing but time, so nobody waits for the disk; the server's lock is held all the shorter.</summary>
    private const string Unhurried = "select set_config('synchronous_commit', 'off', true)";

    private const string Notify = "select pg_notify($1, $2)";

    private static readonly TimeSpan LastWordsLimit = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _some = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private readonly WakePeers _peers;
    private readonly ITimer _greeting;
    private Dictionary<WakeTopic, HashSet<WakeKey>> _waiting = [];
    private bool _greets;
    private bool _catchesUp;
    private int _pid;

    public WakeSender(NpgsqlDataSource source, TimeProvider time, ILogger log)
    {
        (_source, _time, _log, _peers) = (source, time, log, new WakePeers(time));
        _greeting = time.CreateTimer(static sender => ((WakeSender)sender!).Greet(), this, WakePeers.GreetingPeriod, WakePeers.GreetingPeriod);
        _running = Task.Run(RunAsync);
    }

    /// <summary>The server process that sends for this node now: what comes from it is our own voice.</summary>
    public int Pid => Volatile.Read(ref _pid);

    public void Add(WakeTopic topic, WakeKey key)
    {
        if (topic == WakeTopic.Sessions && !_peers.Any) return;
        lock (_lock)
        {
            if (!_waiting.TryGetValue(topic, out var keys)) _waiting[topic] = keys = [];
            if (keys.Count <= WaitingMax) keys.Add(key);
            Signal();
        }
    }

    /// <summary>Tells the others that this node is there.</summary>
    public void Greet()
    {
        lock (_lock)
        {
            _greets = true;
            Signal();
        }
    }

    /// <summary>Another node greeted. To one that was not known nothing was said of sessions: it is greeted back, and told that any may have grown.</summary>
    public void Greeted(int pid)
    {
        if (!_peers.Greeted(pid)) return;
        lock (_lock)
        {
            (_greets, _catchesUp) = (true, true);
            Signal();
        }
    }

    /// <summary>Sends what is left, if that is quickly done.</summary>
    public async ValueTask DisposeAsync()
    {
        await _greeting.DisposeAsync();
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
        _some.Dispose();
    }

    private async Task RunAsync()
    {
        var backoff = new Backoff(_time);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(_stop.Token);
                Volatile.Write(ref _pid, connection.ProcessID);
                Greet();
                await SendAllAsync(connection, backoff);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                if (backoff.Failures == 0) WakeLog.NotSent(_log, error);
                await PauseAsync(backoff);
            }
        }
    }

    private async Task SendAllAsync(NpgsqlConnection connection, Backoff backoff)
    {
        while (true)
        {
            try
            {
                await _some.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                using var limit = new CancellationTokenSource(LastWordsLimit, _time);
                await SendAsync(connection, limit.Token);
                return;
            }

            await SendAsync(connection, CancellationToken.None);
            backoff.Reset();
        }
    }

    private async Task SendAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        Dictionary<WakeTopic, HashSet<WakeKey>> sent;
        bool greets, catchesUp;
        lock (_lock)
        {
            (sent, _waiting) = (_waiting, []);
            (greets, catchesUp, _greets, _catchesUp) = (_greets, _catchesUp, false, false);
        }

        if (sent.Count == 0 && !greets) return;
        try
        {
            await using var batch = connection.CreateBatch();
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Unhurried));
            if (greets) batch.BatchCommands.Add(Command(WakeText.Greetings, ""));
            if (catchesUp) batch.BatchCommands.Add(Command(WakeText.ChannelOf(WakeTopic.Sessions), WakeText.Everything));
            foreach (var (topic, keys) in sent)
            {
                foreach (var payload in keys.Count > WaitingMax ? [WakeText.Everything] : WakeText.Write(keys)) batch.BatchCommands.Add(Command(WakeText.ChannelOf(topic), payload));
            }

            await batch.ExecuteNonQueryAsync(ct);
        }
        catch
        {
            lock (_lock) (_greets, _catchesUp) = (_greets || greets, _catchesUp || catchesUp);
            foreach (var (topic, keys) in sent)
            {
                foreach (var key in keys) Add(topic, key);
            }

            throw;
        }
    }

    private void Signal()
    {
        if (_some.CurrentCount == 0) _some.Release();
    }

    private static NpgsqlBatchCommand Command(string channel, string payload)
    {
        var command = new NpgsqlBatchCommand(Notify);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = payload });
        return command;
    }

    private async Task PauseAsync(Backoff backoff)
    {
        try
        {
            await backoff.WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The ordinary end.
        }
    }
}
