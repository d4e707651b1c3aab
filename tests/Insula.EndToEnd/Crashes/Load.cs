
namespace Insula.EndToEnd.Crashes;

/// <summary>A writer and a watcher for each session, at work until they are told to stop.</summary>
internal sealed class Load : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _work;
    private readonly Func<string> _log;

    /// <param name="log">What the servers logged, for a failure.</param>
    public Load(IReadOnlyList<Writer> writers, IReadOnlyList<Watcher> watchers, Func<string> log)
    {
        (Writers, Watchers, _log) = (writers, watchers, log);
        _work = [.. writers.Select(writer => writer.RunAsync(_stop.Token)), .. watchers.Select(watcher => watcher.RunAsync(_stop.Token))];
    }

    public IReadOnlyList<Writer> Writers { get; }

    public IReadOnlyList<Watcher> Watchers { get; }

    public int Answers => Watchers.Sum(static watcher => watcher.Answers);

    public int Failures => Writers.Sum(static writer => writer.Failures);

    /// <summary>What the watchers saw, in words.</summary>
    public string Watched => $"{Watchers.Sum(static watcher => watcher.Seen)} events watched over {Watchers.Sum(static watcher => watcher.Streams)} streams";

    /// <summary>Begins a round: what the writers show is about this one.</summary>
    public void BeginRound()
    {
        foreach (var writer in Writers) writer.Begin();
    }

    /// <summary>Waits until it is so; fails with the failure of a writer or a watcher, or when it takes too long.</summary>
    public async Task UntilAsync(string what, Func<bool> reached, CancellationToken ct)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!reached())
        {
            if (_work.FirstOrDefault(static work => work.IsFaulted) is { } failed) await failed;
            if (TimeProvider.System.GetElapsedTime(start) > Patience) Assert.Fail($"After {Patience} still not: {what}.\n{Tail(_log())}");
            await Task.Delay(Pause, TimeProvider.System, ct);
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_work);
    }

    public void Dispose() => _stop.Dispose();

    private static string Tail(string log) => log[^Math.Min(log.Length, 10_000)..];
}
