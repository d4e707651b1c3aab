using System.Collections.Concurrent;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Access;

/// <summary>
/// Notes when keys were last used, in memory, and writes the notes in batches: a request never waits for it. Best effort:
/// a crash or an unavailable store loses at most the notes since the last batch. It has a timer only while notes wait.
/// </summary>
internal sealed class LastUses : IAsyncDisposable
{
    /// <summary>A key is noted at most once in this time, and a note waits at most this long.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    // The notes are one per key and interval; this bounds the memory when the store is away.
    private const int WaitingMax = 100_000;

    private readonly IApiKeyStore _keys;
    private readonly ILogger<LastUses> _log;
    private readonly ITimer _timer;
    private readonly Lock _ordering = new();
    private ConcurrentDictionary<(Id<Tenant> Tenant, Id<ApiKey> Key), DateTimeOffset> _waiting = new();
    private int _waitingCount;
    private Task _written = Task.CompletedTask;

    public LastUses(IApiKeyStore keys, TimeProvider time, ILogger<LastUses> log)
    {
        _keys = keys;
        _log = log;
        _timer = time.CreateTimer(static state => _ = ((LastUses)state!).FlushAsync(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Note(Id<Tenant> tenant, Id<ApiKey> key, DateTimeOffset at)
    {
        if (Volatile.Read(ref _waitingCount) >= WaitingMax) return;
        Volatile.Read(ref _waiting)[(tenant, key)] = at;
        if (Interlocked.Increment(ref _waitingCount) == 1) _timer.Change(Interval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Writes what waits, after the batches that are being written; it never fails.</summary>
    public Task FlushAsync()
    {
        lock (_ordering) return _written = WriteAfterAsync(_written);
    }

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await FlushAsync();
    }

    private async Task WriteAfterAsync(Task earlier)
    {
        await earlier;
        Interlocked.Exchange(ref _waitingCount, 0);
        var batch = Interlocked.Exchange(ref _waiting, new());
        if (batch.IsEmpty) return;

        try
        {
            await _keys.TouchAsync(batch, CancellationToken.None);
        }
        catch (Exception error)
        {
            // The timer's call has nobody to tell, and a note is not worth stopping for.
            _log.LastUsesNotWritten(error);
        }
    }
}
