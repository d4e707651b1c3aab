using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Runs;

/// <summary>The real queue, with a worker that takes and settles the first entry the moment it is written, before the input is in the log.</summary>
public sealed class HastyQueue(IRunQueue queue) : ForwardingQueue(queue)
{
    private int _wakes;

    public override async Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct)
    {
        await base.WakeAsync(tenant, session, options, ct);
        if (Interlocked.Increment(ref _wakes) > 1) return;
        var (entry, hasty) = (new QueuedSession(tenant, session), Id<Node>.New());
        await There.SettleAsync(entry, hasty, (await There.TryLeaseAsync(entry, hasty, TimeSpan.FromMinutes(1), ct))!.Mark, default, ct);
    }
}
