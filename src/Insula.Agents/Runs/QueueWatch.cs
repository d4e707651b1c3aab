using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// Looks through the queue for sessions that nobody works on: those that a node left behind, and those that a node took in
/// and never began. The first look goes through all of it. Each later one reads one page of either kind, from where the
/// last one stopped, so that it costs the same however long the queue is and nothing at its head hides the rest.
/// </summary>
internal sealed class QueueWatch(IRunQueue queue, RunMetrics metrics)
{
    private const int PageRows = 500;

    /// <summary>The queue is counted at one look in so many: that reads all of it.</summary>
    private const int LooksPerCount = 15;

    private readonly Dictionary<FreeEntries, long> _reached = [];
    private bool _sawAll;
    private int _looks;

    /// <summary>For one caller at a time.</summary>
    public async Task LookAsync(Action<FreeEntry> found, CancellationToken ct)
    {
        await LookAsync(FreeEntries.Dropped, found, ct);
        await LookAsync(FreeEntries.Untouched, found, ct);
        _sawAll = true;
    }

    /// <summary>Counts the queue for the metrics, now and then.</summary>
    public async Task CountAsync(CancellationToken ct)
    {
        if (_looks++ % LooksPerCount == 0) metrics.Queue = await queue.CountAsync(ct);
    }

    /// <summary>The next look goes through all of the queue again: too much may have changed.</summary>
    public void StartOver()
    {
        _sawAll = false;
        _reached.Clear();
    }

    /// <summary>All entries of one tenant, held ones too.</summary>
    public async Task LookAsync(Id<Tenant> tenant, Action<QueuedSession> found, CancellationToken ct)
    {
        await foreach (var entry in queue.AllAsync(ct))
        {
            if (entry.Tenant == tenant) found(entry);
        }
    }

    private async Task LookAsync(FreeEntries which, Action<FreeEntry> found, CancellationToken ct)
    {
        do
        {
            var page = await queue.ListFreeAsync(which, _reached.GetValueOrDefault(which), PageRows, ct);
            foreach (var free in page) found(free);
            _reached[which] = page.Count < PageRows ? 0 : page[^1].Place;
        }
        while (!_sawAll && _reached[which] > 0);
    }
}
