using System.Text.Json.Nodes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// A client that sends one message after the other to its session: so many in a round, and then it rests until the next
/// round begins, so that a slow machine makes no more of them than a fast one.
/// </summary>
/// <param name="send">Sends a message; null when it was not acknowledged and others may be. A throw ends the writer.</param>
internal sealed class Writer(PlacedSession placed, Acknowledged acknowledged, Func<PlacedSession, object, Task<JsonObject?>> send)
{
    private const int AcknowledgedPerRoundMax = 8;

    /// <summary>After a refusal it is sooner than the client was told to come, so that the time measured is the server's.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _begun = new(0);
    private int _round;
    private int _failedRound = -1;
    private (int Round, int Count, long FirstAt) _taken = (-1, 0, 0);

    public PlacedSession Placed => placed;

    public int Failures { get; private set; }

    /// <summary>Whether a message of this round was not acknowledged.</summary>
    public bool Failed
    {
        get
        {
            lock (_lock) return _failedRound == _round;
        }
    }

    /// <summary>When the first message of this round was acknowledged.</summary>
    public long? FirstSuccess
    {
        get
        {
            lock (_lock) return _taken.Round == _round ? _taken.FirstAt : null;
        }
    }

    /// <summary>Begins a round. A message that is under way counts for the one before.</summary>
    public void Begin()
    {
        lock (_lock) _round++;
        _begun.Release();
    }

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            int round;
            bool done;
            lock (_lock) (round, done) = (_round, _taken.Round == _round && _taken.Count >= AcknowledgedPerRoundMax);
            if (done)
            {
                await RestAsync(stop);
                continue;
            }

            var (marker, body) = acknowledged.Next();
            var answer = await send(placed, body);
            if (answer is not null) acknowledged.Add(marker, answer);
            Note(round, answer is not null);
            await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
        }
    }

    private void Note(int round, bool taken)
    {
        lock (_lock)
        {
            if (!taken) (Failures, _failedRound) = (Failures + 1, round);
            else if (_taken.Round == round) _taken.Count++;
            else _taken = (round, 1, TimeProvider.System.GetTimestamp());
        }
    }

    private async Task RestAsync(CancellationToken stop)
    {
        try
        {
            await _begun.WaitAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop while it rested.
        }
    }
}
