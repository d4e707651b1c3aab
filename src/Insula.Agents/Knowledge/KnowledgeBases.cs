using Insula.Knowledge;
using Insula.Knowledge.Learning;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Knowledge;

/// <summary>
/// The read views of the tenants' knowledge on this node, one for each tenant in use, found by the scope's tenant and by
/// nothing else. A view is built from the store when it is first asked for, once however many ask, and dropped when it
/// is idle or memory runs short.
/// Invariant: a view equals its store. Building and changing a tenant's knowledge take turns, and a change is applied to
/// the store first; when its outcome is in doubt the view is dropped and the next reader builds it anew. Where other nodes
/// change the store too, a reader asks it for the version of the knowledge first and gets no view that is older.
/// </summary>
public sealed class KnowledgeBases : IDisposable
{
    /// <summary>Passages indexed in one step while a view is built; bounds what the step holds twice.</summary>
    private const int BatchPassages = 4096;

    private readonly Dictionary<Id<Tenant>, Resident> _residents = [];
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITenantStores _stores;
    private readonly Node _node;
    private readonly KnowledgeOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweep;

    public KnowledgeBases(ITenantStores stores, Node node, KnowledgeOptions options, TimeProvider time)
    {
        (_stores, _node, _options, _time) = (stores, node, options, time);
        var period = TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerSecond, options.IdleLimit.Ticks / 4));
        _sweep = time.CreateTimer(_ => Evict(), null, period, period);
    }

    /// <summary>Tenants whose view is in memory now.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _residents.Values.Count(resident => resident.View is not null);
        }
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _sweep.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Reads the view of the scope's tenant. A reader that leaves does not stop a build that others wait for.</summary>
    internal async Task<T> ReadAsync<T>(TenantScope scope, Func<KnowledgeBase, T> read, CancellationToken ct)
    {
        var resident = Rent(scope.Tenant);
        try
        {
            return read(await CurrentAsync(resident, scope, ct));
        }
        finally
        {
            Return(scope.Tenant, resident);
        }
    }

    /// <summary>Changes the knowledge of the scope's tenant: in the store, then in the view. Visible to every read that begins after it returned.</summary>
    internal async Task<T> ChangeAsync<T>(TenantScope scope, Func<IKnowledgeStore, Task<KnowledgeChange<T>>> change, CancellationToken ct)
    {
        var resident = Rent(scope.Tenant);
        try
        {
            await resident.Turn.WaitAsync(ct);
            try
            {
                await using var store = await _stores.OpenAsync(scope, ct);
                var (value, version, apply) = await change(store.Knowledge);
                if (resident.View is { } view) apply?.Invoke(view);

                // With a gap, another node changed something in between: the version stays behind, and the next reader catches up.
                if (version == resident.Version + 1) resident.Version = version.Value;
                return value;
            }
            catch
            {
                resident.View = null;
                throw;
            }
            finally
            {
                resident.Turn.Release();
            }
        }
        finally
        {
            Return(scope.Tenant, resident);
            Evict();
        }
    }

    /// <summary>A view in which every change is that was acknowledged, here or on another node, before this was asked.</summary>
    private async Task<KnowledgeBase> CurrentAsync(Resident resident, TenantScope scope, CancellationToken ct)
    {
        var newest = _node.Alone ? 0 : await NewestAsync(scope, ct);
        while (true)
        {
            if (resident.ViewOf(newest) is { } view) return view;

            // One that is under way may have begun before the newest change; the one after it did not.
            await Built(resident, scope, newest).WaitAsync(ct);
        }
    }

    private async Task<long> NewestAsync(TenantScope scope, CancellationToken ct)
    {
        await using var store = await _stores.OpenAsync(scope, ct);
        return await store.Knowledge.FindVersionAsync(ct);
    }

    private Task Built(Resident resident, TenantScope scope, long newest)
    {
        lock (_lock)
        {
            if (resident.ViewOf(newest) is not null) return Task.CompletedTask;
            if (resident.Building is not { IsCompleted: false })
            {
                // The build has a hold of its own, because every reader that waits for it may leave.
                resident.Users++;
                resident.Building = Task.Run(() => BuildAsync(resident, scope, newest), CancellationToken.None);
            }

            return resident.Building;
        }
    }

    private async Task BuildAsync(Resident resident, TenantScope scope, long newest)
    {
        try
        {
            await resident.Turn.WaitAsync(_stopping.Token);
            try
            {
                if (resident.ViewOf(newest) is not null) return;
                await using var store = await _stores.OpenAsync(scope, _stopping.Token);
                var version = await store.Knowledge.FindVersionAsync(_stopping.Token);
                var view = resident.View ?? new KnowledgeBase();
                await CatchUpAsync(view, store.Knowledge, _stopping.Token);
                resident.View = view;
                resident.Version = version;
            }
            finally
            {
                resident.Turn.Release();
            }
        }
        finally
        {
            Return(scope.Tenant, resident);
            Evict();
        }
    }

    /// <summary>Brings a view, an empty one too, to what the store holds. A source never changes, so its id says all.</summary>
    private static async Task CatchUpAsync(KnowledgeBase view, IKnowledgeStore store, CancellationToken ct)
    {
        var ids = await store.ListIdsAsync(ct);
        var held = view.Sources;
        foreach (var gone in held.Except(ids.Select(static id => id.ToString()), StringComparer.Ordinal)) view.Forget(gone);

        var (batch, batched) = (new List<LearnedSource>(), 0);
        await foreach (var (source, passages) in store.ReadAsync([.. ids.Where(id => !held.Contains(id.ToString()))], ct))
        {
            batch.Add(new(source.Id.ToString(), source.Name, [.. passages.Select(static passage => new Passage(passage.Heading, passage.Text))]));
            batched += passages.Count;
            if (batched < BatchPassages) continue;
            view.LearnAll(batch);
            (batch, batched) = ([], 0);
        }

        if (batch.Count > 0) view.LearnAll(batch);
    }

    private Resident Rent(Id<Tenant> tenant)
    {
        lock (_lock)
        {
            if (!_residents.TryGetValue(tenant, out var resident)) _residents[tenant] = resident = new();
            resident.Users++;
            resident.UsedAt = _time.GetTimestamp();
            return resident;
        }
    }

    private void Return(Id<Tenant> tenant, Resident resident)
    {
        lock (_lock)
        {
            resident.Users--;
            if (resident is { Users: 0, View: null }) _residents.Remove(tenant);
        }
    }

    /// <summary>Drops views that nobody uses: the idle ones, and the longest unused ones while there are too many; never the newest.</summary>
    private void Evict()
    {
        lock (_lock)
        {
            var bytes = _residents.Values.Sum(resident => resident.View?.Bytes ?? 0);
            var oldestFirst = _residents.OrderBy(entry => entry.Value.UsedAt).ToList();
            for (var i = 0; i < oldestFirst.Count; i++)
            {
                var (tenant, resident) = oldestFirst[i];
                var crowded = i < oldestFirst.Count - 1 && (bytes > _options.ResidentBytesMax || _residents.Count > _options.ResidentTenantsMax);
                if (!crowded && _time.GetElapsedTime(resident.UsedAt) < _options.IdleLimit) return;
                if (resident.Users > 0) continue;
                bytes -= resident.View?.Bytes ?? 0;
                _residents.Remove(tenant);
            }
        }
    }

    /// <summary>A tenant's place in memory. It is in the table as long as it has a view or users, so there is never a second one with a turn of its own.</summary>
    private sealed class Resident
    {
        private volatile KnowledgeBase? _view;
        private long _version;

        /// <summary>Held while the view is built, and while knowledge is changed.</summary>
        public SemaphoreSlim Turn { get; } = new(1, 1);

        /// <summary>Written only by who holds <see cref="Turn"/>.</summary>
        public KnowledgeBase? View
        {
            get => _view;
            set => _view = value;
        }

        /// <summary>The version of the store that the view has at least. Written only by who holds <see cref="Turn"/>, after the view.</summary>
        public long Version
        {
            get => Volatile.Read(ref _version);
            set => Volatile.Write(ref _version, value);
        }

        public Task? Building { get; set; }

        public int Users { get; set; }

        public long UsedAt { get; set; }

        /// <summary>The view, if it is no older than <paramref name="newest"/>.</summary>
        public KnowledgeBase? ViewOf(long newest) => Version >= newest ? View : null;
    }
}

/// <summary>What a change of the store gave, the version of the store with it, and how the view follows it; both null when nothing changed.</summary>
internal readonly record struct KnowledgeChange<T>(T Value, long? Version, Action<KnowledgeBase>? Apply);
