using System.Threading.Channels;
using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Access;

/// <summary>
/// Puts into force on this node what other nodes change of tenants, keys and plans, as soon as it hears of it. Nothing
/// rests on hearing: what is kept in memory of tenants and keys has an age limit, and plans and prices are read again after it.
/// </summary>
public sealed class FollowAccess(AccessInForce inForce, RenewTerms terms, IWakes wakes, Node node, TimeProvider time, ILogger<FollowAccess> log)
{
    /// <summary>What a change of plans or prices is announced as.</summary>
    internal const string Plans = "plans";

    private static readonly TimeSpan PlansAgeMax = TimeSpan.FromSeconds(5);

    /// <summary>Follows until the token ends.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (node.Alone) return;
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var plansKey = wakes.KeyOf(Plans);
        using var subscription = wakes.Listen(WakeTopic.Access, wake =>
        {
            inForce.ChangedElsewhere(wake);
            if (wake.Names(plansKey)) changed.Writer.TryWrite(true);
        });
        await Watch.RunAsync(
            time,
            ct => WaitAsync(changed.Reader, ct),
            async ct =>
            {
                await terms.RunAsync(ct);
                return false;
            },
            (error, first) =>
            {
                if (first) log.PlansNotRead(error);
            },
            stopping);
    }

    private async Task WaitAsync(ChannelReader<bool> changed, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(PlansAgeMax, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await changed.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Nothing was heard for a while.
        }
    }
}
