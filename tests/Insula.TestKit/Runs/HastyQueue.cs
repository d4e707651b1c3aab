using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Runs;

/// <summary>The real queue, with a worker that takes and settles the first entry the moment it is written, before the input is in the log.</summary>
public sealed class HastyQueue(IRunQueue queue) : IRunQueue
{
    private int _wakes;

    public async Task WakeAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct)
    {
        await queue.WakeAsync(tenant, session, ct);
        if (Interlocked.Increment(ref _wakes) == 1) await queue.SettleAsync(tenant, session, (await queue.MarkAsync(tenant, session, ct))!.Value, ct);
    }

    public Task<long?> MarkAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct) => queue.MarkAsync(tenant, session, ct);

    public Task<bool> SettleAsync(Id<Tenant> tenant, Id<Session> session, long mark, CancellationToken ct) => queue.SettleAsync(tenant, session, mark, ct);

    public IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct) => queue.AllAsync(ct);
}
