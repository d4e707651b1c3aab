using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Schedules;

/// <summary>
/// The control store's alarms: when somebody has to look at a schedule. They are level-triggered, as the run queue is: an
/// alarm says "look", what is due stands in the tenant's store, and a look for nothing is harmless. Time is the store's own
/// where nodes share one. One node at a time holds an alarm; after its lease the alarm is free again.
/// </summary>
public interface IScheduleAlarms
{
    /// <summary>Sees to it that somebody looks at the schedule at <paramref name="at"/> or before. Durable when the task ends.</summary>
    Task WakeAsync(Id<Tenant> tenant, Id<Schedule> schedule, DateTimeOffset at, CancellationToken ct);

    /// <summary>Alarms that are due and that nobody holds, of tenants that are not suspended, the longest due first.</summary>
    /// <param name="length">How long alarms are taken for: one that is held for longer was taken before the clock was set back, and is free.</param>
    Task<IReadOnlyList<ScheduleAlarm>> ListDueAsync(TimeSpan length, int limit, CancellationToken ct);

    /// <summary>Takes a due alarm for <paramref name="length"/>; null when another has it or it is not due any more.</summary>
    Task<HeldAlarm?> TryTakeAsync(ScheduleAlarm alarm, Id<Node> node, TimeSpan length, CancellationToken ct);

    /// <summary>
    /// Gives the alarm back, to be due at <paramref name="next"/>, or to be gone when that is null. One that was woken while it
    /// was held stays due as it is.
    /// </summary>
    Task SettleAsync(HeldAlarm held, Id<Node> node, DateTimeOffset? next, CancellationToken ct);
}

public sealed record ScheduleAlarm(Id<Tenant> Tenant, Id<Schedule> Schedule);

/// <param name="Mark">Changes with every wake.</param>
/// <param name="Now">The time by the store when it was taken.</param>
public sealed record HeldAlarm(ScheduleAlarm Alarm, long Mark, DateTimeOffset Now);
