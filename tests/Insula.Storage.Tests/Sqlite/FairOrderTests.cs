using Insula.Agents.Runs;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>The turns of a node that has its store for itself.</summary>
public sealed class FairOrderTests : FairnessContract
{
    protected override (int Cases, int Turns) Effort => (300, 20_000);

    public override ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal override Task<Turns> StartAsync(int workers) => Task.FromResult<Turns>(new InMemory(workers));

    private sealed class InMemory(int workers) : Turns
    {
        private readonly FairOrder _order = new(workers);
        private readonly ManualClock _clock = new();
        private readonly Dictionary<FairOrder.Entry, QueuedSession> _waiting = [];
        private readonly Dictionary<QueuedSession, FairOrder.Entry> _held = [];

        public override Task ShareAsync(Id<Tenant> tenant, RunShare share)
        {
            // As a session that comes and gives up at once says it.
            _order.Remove(_order.Add(tenant, share, 0, _clock.GetUtcNow()));
            return Task.CompletedTask;
        }

        public override Task<QueuedSession?> NextAsync()
        {
            if (_order.Next() is not { } next) return Task.FromResult<QueuedSession?>(null);
            _waiting.Remove(next, out var entry);
            _held[entry!] = next;
            return Task.FromResult<QueuedSession?>(entry);
        }

        public override Task EndAsync(QueuedSession entry, double cost)
        {
            _held.Remove(entry, out var held);
            _order.End(held!, cost);
            return Task.CompletedTask;
        }

        public override Task PassAsync(TimeSpan time)
        {
            _clock.Advance(time);
            return Task.CompletedTask;
        }

        protected override Task AddAsync(QueuedSession entry, RunShare share, int priority)
        {
            _waiting[_order.Add(entry.Tenant, share, priority, _clock.GetUtcNow())] = entry;
            return Task.CompletedTask;
        }
    }
}
