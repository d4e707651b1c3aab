using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Insula.Storage.Postgres.Wakes;

/// <summary>
/// Hears what other nodes announce, over one connection of its own. A line that broke is taken up again, and since nobody
/// knows what was said meanwhile, everything may have changed then.
/// </summary>
internal sealed class WakeListener : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;
    private readonly WakeSender _own;
    private readonly Action<WakeTopic, Wake> _heard;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    /// <param name="own">Whose voice is passed over.</param>
    public WakeListener(NpgsqlDataSource source, WakeSender own, Action<WakeTopic, Wake> heard, TimeProvider time, ILogger log)
    {
        (_source, _own, _heard, _time, _log) = (source, own, heard, time, log);
        _running = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var backoff = new Backoff(_time);
        while (true)
        {
            try
            {
                await ListenAsync(backoff);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                if (backoff.Failures == 0) WakeLog.Deaf(_log, error);
            }

            try
            {
                await backoff.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ListenAsync(Backoff backoff)
    {
        await using var connection = await _source.OpenConnectionAsync(_stop.Token);
        connection.Notification += (_, said) => Hear(said);
        foreach (var channel in Enum.GetValues<WakeTopic>().Select(WakeText.ChannelOf).Append(WakeText.Greetings))
        {
            await using var listen = new NpgsqlCommand($"listen {channel}", connection);
            await listen.ExecuteNonQueryAsync(_stop.Token);
        }

        // From here on an answer is heard.
        _own.Greet();

        if (backoff.Failures > 0) WakeLog.HearsAgain(_log);
        backoff.Reset();
        foreach (var topic in Enum.GetValues<WakeTopic>()) _heard(topic, Wake.Everything);
        while (true) await connection.WaitAsync(_stop.Token);
    }

    private void Hear(NpgsqlNotificationEventArgs said)
    {
        if (said.PID == _own.Pid) return;
        if (said.Channel == WakeText.Greetings) _own.Greeted(said.PID);
        else if (WakeText.TopicOf(said.Channel) is { } topic) _heard(topic, WakeText.Read(said.Payload));
    }
}
