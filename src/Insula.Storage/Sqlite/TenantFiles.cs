using Insula.Storage.Engine;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Storage.Sqlite;

/// <summary>
/// The open files of tenants: each is opened once however many callers come, stays open while somebody holds a lease and
/// for a while after, and is closed when it was idle too long or, the longest unused first, when another needs its place.
/// Never more than the limit are open, files about to close included; when all are leased a caller waits a bounded time.
/// A cold tenant costs nothing here: no descriptor, no thread, no timer, no entry.
/// </summary>
internal sealed partial class TenantFiles : IAsyncDisposable
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(5);

    private readonly DataFolder _folder;
    private readonly DiskThreads _threads;
    private readonly StorageOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private readonly Lock _gate = new();
    private readonly Dictionary<Id<Tenant>, Entry> _entries = [];
    private readonly LinkedList<Entry> _idle = [];
    private readonly Dictionary<Id<Tenant>, Task> _closing = [];
    private readonly Dictionary<Id<Tenant>, Fault> _broken = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One permit per tenant in use (leased or opening).</summary>
    private readonly SemaphoreSlim _uses;

    /// <summary>One permit per open file (used, idle or closing). Whoever has a use and finds no place finds a file that can be closed for it.</summary>
    private readonly SemaphoreSlim _places;

    private readonly ITimer _sweep;
    private bool _closed;

    public TenantFiles(DataFolder folder, DiskThreads threads, StorageOptions options, TimeProvider time, ILogger log)
    {
        _folder = folder;
        _threads = threads;
        _options = options;
        _time = time;
        _log = log;
        _uses = new(options.OpenTenantsMax);
        _places = new(options.OpenTenantsMax);
        _sweep = time.CreateTimer(static files => ((TenantFiles)files!).CloseIdle(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Opens the tenant's file, or joins those who have it open. Release the lease by disposing it.</summary>
    public async ValueTask<Lease> LeaseAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        if (Join(tenant, hasUse: false) is not { } entry)
        {
            await EnterAsync(ct);
            entry = Join(tenant, hasUse: true)!;
        }

        try
        {
            return new(this, entry, await entry.Opening.WaitAsync(ct));
        }
        catch
        {
            Release(entry);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            while (_idle.First is { } oldest) Close(oldest.Value);
            if (_entries.Count == 0) _drained.TrySetResult();
        }

        await _sweep.DisposeAsync();
        await Task.WhenAny(_drained.Task, Task.Delay(DrainLimit, _time));
        Task[] closing;
        lock (_gate)
        {
            // Whoever still holds a lease learns at the next call that the store is closed.
            foreach (var entry in _entries.Values.Where(static e => e.File is not null).ToList()) Close(entry);
            closing = [.. _closing.Values];
        }

        await Task.WhenAll(closing);
    }

    /// <summary>
    /// The tenant's entry with one more lease. Without a use it is only given when somebody else has one; with a use the
    /// entry takes it over, or gives it back when the entry has one already.
    /// </summary>
    private Entry? Join(Id<Tenant> tenant, bool hasUse)
    {
        lock (_gate)
        {
            if (Refusal(tenant) is { } fault)
            {
                if (hasUse) _uses.Release();
                throw new FaultException(fault);
            }

            var known = _entries.TryGetValue(tenant, out var entry);
            if (known && entry!.Leases > 0)
            {
                entry.Leases++;
                if (hasUse) _uses.Release();
                return entry;
            }

            if (!hasUse) return null;
            if (known)
            {
                _idle.Remove(entry!);
                entry!.Leases = 1;
                return entry;
            }

            // One lease for the caller and one for the opening itself, which nobody's cancellation ends.
            entry = new Entry(tenant) { Leases = 2 };
            _entries.Add(tenant, entry);
            entry.Opening = Task.Run(() => OpenAsync(entry));
            return entry;
        }
    }

    private Fault? Refusal(Id<Tenant> tenant) => _closed ? SqliteFaults.Closed(Schema.Tenant.Name) : _broken.GetValueOrDefault(tenant);

    private async Task EnterAsync(CancellationToken ct)
    {
        if (_uses.Wait(0, ct)) return;
        using var limit = new CancellationTokenSource(_options.OpenWait, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await _uses.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new FaultException(Fault.Unavailable(
                "too_many_open_stores",
                "Too many tenants' stores are in use at this moment. Try again in a moment.",
                $"all {_options.OpenTenantsMax} (OpenTenantsMax) were in use for {_options.OpenWait}"));
        }
    }

    private async Task<SqliteFile> OpenAsync(Entry entry)
    {
        var hasPlace = false;
        try
        {
            if (!_places.Wait(0))
            {
                lock (_gate)
                {
                    if (_idle.First is { } oldest) Close(oldest.Value);
                }

                await _places.WaitAsync();
            }

            hasPlace = true;
            await ClosedBefore(entry.Tenant);
            entry.File = await _threads.RunAsync(() =>
            {
                _folder.EnsureTenantFolder(entry.Tenant);
                return SqliteFile.Open(_folder.TenantFile(entry.Tenant), Schema.Tenant, _threads, _time);
            });
            return entry.File;
        }
        catch (Exception error)
        {
            LogNotOpened(entry.Tenant, (error as FaultException)?.Fault.Internal, error);
            lock (_gate) Remove(entry);
            if (hasPlace) _places.Release();
            throw;
        }
        finally
        {
            Release(entry);
        }
    }

    private Task ClosedBefore(Id<Tenant> tenant)
    {
        lock (_gate) return _closing.GetValueOrDefault(tenant, Task.CompletedTask);
    }

    private void Release(Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Leases > 0) return;
            if (entry is { Gone: false, File: { } file })
            {
                if (file.Failure is { } failure)
                {
                    _broken[entry.Tenant] = failure;
                    LogBroken(entry.Tenant, failure.Internal);
                }

                if (_closed || file.Failure is not null) Close(entry);
                else Rest(entry);
            }

            // After the entry is idle, so that whoever takes the use finds it.
            _uses.Release();
        }
    }

    private void Rest(Entry entry)
    {
        entry.IdleSince = _time.GetTimestamp();
        _idle.AddLast(entry);
        if (_idle.Count == 1) _sweep.Change(_options.IdleLimit, Timeout.InfiniteTimeSpan);
    }

    private void CloseIdle()
    {
        lock (_gate)
        {
            if (_closed) return;
            while (_idle.First is { } oldest)
            {
                var left = _options.IdleLimit - _time.GetElapsedTime(oldest.Value.IdleSince);
                if (left > TimeSpan.Zero)
                {
                    _sweep.Change(left, Timeout.InfiniteTimeSpan);
                    return;
                }

                Close(oldest.Value);
            }
        }
    }

    /// <summary>Takes the entry out and closes its file; under the gate.</summary>
    private void Close(Entry entry)
    {
        _idle.Remove(entry);
        Remove(entry);
        _closing[entry.Tenant] = Task.Run(() => CloseAsync(entry));
    }

    private async Task CloseAsync(Entry entry)
    {
        try
        {
            await entry.File!.DisposeAsync();
        }
        catch (FaultException error)
        {
            LogNotClosed(entry.Tenant, error.Fault.Internal, error);
        }
        finally
        {
            lock (_gate) _closing.Remove(entry.Tenant);
            _places.Release();
        }
    }

    private void Remove(Entry entry)
    {
        entry.Gone = true;
        _entries.Remove(entry.Tenant);
        if (_closed && _entries.Count == 0) _drained.TrySetResult();
    }

    [LoggerMessage(EventId = 3001, Level = LogLevel.Error, Message = "The store of {Tenant} did not open: {Detail}")]
    private partial void LogNotOpened(Id<Tenant> tenant, string? detail, Exception error);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Error, Message = "The store of {Tenant} takes no more writes until the server starts anew: {Detail}")]
    private partial void LogBroken(Id<Tenant> tenant, string? detail);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Error, Message = "The store of {Tenant} did not close cleanly: {Detail}")]
    private partial void LogNotClosed(Id<Tenant> tenant, string? detail, Exception error);

    /// <summary>A tenant's file, from the first who wants it until it is closed. Everything but <see cref="File"/> is guarded by the gate.</summary>
    internal sealed class Entry(Id<Tenant> tenant)
    {
        public Id<Tenant> Tenant { get; } = tenant;

        public Task<SqliteFile> Opening { get; set; } = null!;

        /// <summary>Set once, by the opening, before it gives back its own lease.</summary>
        public SqliteFile? File { get; set; }

        public int Leases { get; set; }

        public long IdleSince { get; set; }

        /// <summary>Not among the entries any more: closed, or never opened.</summary>
        public bool Gone { get; set; }
    }

    internal sealed class Lease(TenantFiles files, Entry entry, SqliteFile file) : TenantLease
    {
        public SqliteFile File => (SqliteFile)Database;

        protected override Database Leased => file;

        protected override void Release() => files.Release(entry);
    }
}
