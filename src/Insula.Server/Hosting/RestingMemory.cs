namespace Insula.Server.Hosting;

/// <summary>
/// Gives memory back when the program falls idle. The collector keeps the pages of a busy moment for the next one, which
/// on a node with many tenants that sleep most of the time is memory that nobody uses. A collection here costs some
/// milliseconds when nobody waits for anything.
/// </summary>
internal sealed class RestingMemory(TimeProvider time) : BackgroundService
{
    /// <summary>Fewer bytes allocated in one interval than this, and nothing is going on but timers.</summary>
    private const long QuietBytes = 512 * 1024;

    /// <summary>Fewer bytes allocated since the last collection than this are not worth another.</summary>
    private const long WorthwhileBytes = 8 * 1024 * 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var collectedAt = 0L;
        var before = GC.GetTotalAllocatedBytes();
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var now = GC.GetTotalAllocatedBytes();
            if (now - before < QuietBytes && now - collectedAt > WorthwhileBytes)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                collectedAt = now;
            }

            before = now;
        }
    }
}
