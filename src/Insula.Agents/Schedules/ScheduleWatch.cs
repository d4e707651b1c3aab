using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Schedules;

/// <summary>
/// Looks at schedules when their alarm is due, one node at a time at each. A look that fails, or whose node dies, is made
/// again when the alarm's lease is over. What a look does is safe to do twice (<see cref="FireSchedule"/>), so the lease only
/// spares work.
/// </summary>
public sealed class ScheduleWatch
{
    /// <summary>How long a node may look at one schedule.</summary>
    internal static readonly TimeSpan LeaseLength = TimeSpan.FromSeconds(30);

    /// <summary>How often alarms are asked for, about: so late a firing may be.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private const int AlarmsAtOnce = 64;
    private const int LooksAtOnce = 4;

    private readonly IScheduleAlarms _alarms;
    private readonly FireSchedule _fire;
    private readonly Node _node;
    private readonly ScheduleMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<ScheduleWatch> _log;
    private TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal ScheduleWatch(IScheduleAlarms alarms, FireSchedule fire, Node node, ScheduleMetrics metrics, TimeProvider time, ILogger<ScheduleWatch> log)
    {
        _alarms = alarms;
        _fire = fire;
        _node = node;
        _metrics = metrics;
        _time = time;
        _log = log;
    }

    /// <summary>Asks this node to look without waiting for its period.</summary>
    public void LookNow() => Volatile.Read(ref _asked).TrySetResult();

    /// <summary>Looks until the token ends. It survives a store that is away.</summary>
    /// <remarks>What was taken by then and not finished is free again when its lease is over.</remarks>
    public Task RunAsync(CancellationToken stopping) => Watch.RunAsync(
        _time,
        RestAsync,
        async ct =>
        {
            var asked = Interlocked.Exchange(ref _asked, new(TaskCreationOptions.RunContinuationsAsynchronously));
            return await LookAsync(ct) || asked.Task.IsCompleted;
        },
        (error, first) =>
        {
            if (first) ScheduleLog.WatchFailed(_log, error);
        },
        stopping);

    /// <summary>Looks at what is due now; whether there may be more.</summary>
    internal async Task<bool> LookAsync(CancellationToken ct)
    {
        var due = await _alarms.ListDueAsync(LeaseLength, AlarmsAtOnce, ct);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = LooksAtOnce, CancellationToken = ct }, async (alarm, cancel) => await LookAsync(alarm, cancel));
        return due.Count == AlarmsAtOnce;
    }

    private async Task LookAsync(ScheduleAlarm alarm, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(LeaseLength * 0.8, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            if (await _alarms.TryTakeAsync(alarm, _node.Id, LeaseLength, either.Token) is not { } held) return;
            await _alarms.SettleAsync(held, _node.Id, await _fire.LookAsync(alarm, held.Now, either.Token), either.Token);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            _metrics.LookFailed();
            ScheduleLog.LookFailed(_log, error, alarm.Schedule);
        }
    }

    private async Task RestAsync(CancellationToken ct)
    {
        using var rested = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(Task.Delay(Backoff.About(Period), _time, rested.Token), Volatile.Read(ref _asked).Task);
        await rested.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }
}
