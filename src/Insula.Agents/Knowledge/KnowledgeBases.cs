using Insula.Knowledge;
using Insula.Knowledge.Learning;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Knowledge;

/// <summary>
/// The read views of the tenants' knowledge on this node, one for each tenant in use, found by the scope's tenant and by
/// nothing else. A view is built from the store when it is first asked for, once however many ask, and dropped when it
/// is idle or memory runs short.
/// Invariant: a view equals its store. Building and changing a tenant's knowledge take turns, and a change is applied to
/// the store first; when its outcome is in doubt the view is dropped and the next reader builds it anew.
/// </summary>
public sealed class KnowledgeBases : IDisposable
{
    /// <summary>Passages indexed in one step while a view is built; bounds what the step holds twice.</summary>
    private const int BatchPassages = 4096;

    private readonly Dictionary<Id<Tenant>, Resident> _residents = [];
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITenantStores _stores;
    private readonly KnowledgeOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweep;

    public KnowledgeBases(ITenantStores stores, KnowledgeOptions options, TimeProvider time)
    {
        (_stores, _options, _time) = (stores, options, time);
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
            return read(resident.View ?? await Built(resident, scope).WaitAsync(ct));
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
                var (value, apply) = await change(store.Knowledge);
                if (resident.View is { } view) apply?.Invoke(view);
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

    private Task<KnowledgeBase> Built(Resident resident, TenantScope scope)
    {
        lock (_lock)
        {
            if (resident.View is { } view) return Task.FromResult(view);
            if (resident.Building is not { IsCompleted: false })
            {
                // The build has a hold of its own, because every reader that waits for it may leave.
                resident.Users++;
                resident.Building = Task.Run(() => BuildAsync(resident, scope), CancellationToken.None);
            }

            return resident.Building;
        }
    }

    private async Task<KnowledgeBase> BuildAsync(Resident resident, TenantScope scope)
    {
        try
        {
            await resident.Turn.WaitAsync(_stopping.Token);
            try
            {
                return resident.View ??= await LoadAsync(scope, _stopping.Token);
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

    private async Task<KnowledgeBase> LoadAsync(TenantScope scope, CancellationToken ct)
    {
        var view = new KnowledgeBase();
        var (batch, batched) = (new List<LearnedSource>(), 0);
        await using var store = await _stores.OpenAsync(scope, ct);
        KnowledgeSource? current = null;
        List<Passage> passages = [];
        await foreach (var (source, passage) in store.Knowledge.ReadAllAsync(ct))
        {
            if (current?.Id != source.Id)
            {
                Finish();
                (current, passages) = (source, []);
            }

            passages.Add(new(passage.Heading, passage.Text));
        }

        Finish();
        view.LearnAll(batch);
        return view;

        void Finish()
        {
            if (current is null) return;
            batch.Add(new(current.Id.ToString(), current.Name, passages));
            batched += passages.Count;
            if (batched < BatchPassages) return;
            view.LearnAll(batch);
            (batch, batched) = ([], 0);
        }
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

        /// <summary>Held while the view is built, and while knowledge is changed.</summary>
        public SemaphoreSlim Turn { get; } = new(1, 1);

        /// <summary>Written only by who holds <see cref="Turn"/>.</summary>
        public KnowledgeBase? View
        {
            get => _view;
            set => _view = value;
        }

        public Task<KnowledgeBase>? Building { get; set; }

        public int Users { get; set; }

        public long UsedAt { get; set; }
    }
}

/// <summary>What a change of the store gave, and how the view follows it; null when nothing changed.</summary>
internal readonly record struct KnowledgeChange<T>(T Value, Action<KnowledgeBase>? Apply);
