using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Schedules;

/// <summary>The tenant store's schedules and the history of each.</summary>
public interface IScheduleStore
{
    /// <summary>Adds a schedule unless the tenant has <paramref name="schedulesMax"/> already; false then.</summary>
    Task<bool> AddAsync(Schedule schedule, int schedulesMax, CancellationToken ct);

    Task<Schedule?> FindAsync(Id<Schedule> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<Schedule>> ListAsync(ScheduleFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>Writes what <paramref name="change"/> makes of the schedule as it is inside the transaction; null when missing, and with a fault nothing is written.</summary>
    Task<Result<Schedule>?> UpdateAsync(Id<Schedule> id, Func<Schedule, Result<Schedule>> change, CancellationToken ct);

    /// <summary>Removes the schedule with its history; false when missing.</summary>
    Task<bool> RemoveAsync(Id<Schedule> id, CancellationToken ct);

    /// <summary>
    /// Writes the lines and moves <see cref="Schedule.SettledUntil"/> on, in one transaction; a line that is there already
    /// stays as it is. False, and nothing is written, when the schedule's <see cref="Schedule.SettledUntil"/> is no longer
    /// <paramref name="seen"/>'s or it is gone. Old lines go: those before <paramref name="keepFrom"/> and those beyond the newest <paramref name="keepMax"/>.
    /// </summary>
    Task<bool> SettleAsync(Schedule seen, FiringLines lines, DateTimeOffset keepFrom, int keepMax, CancellationToken ct);

    /// <summary>Adds a firing by hand; false when the schedule is missing.</summary>
    Task<bool> AddFiringAsync(Firing firing, CancellationToken ct);

    /// <summary>Firings that are not carried out yet, oldest first.</summary>
    Task<IReadOnlyList<Firing>> ListPendingAsync(Id<Schedule> id, int limit, CancellationToken ct);

    /// <summary>
    /// Notes where a pending firing is about to be sent; false when it has an outcome, or is gone. From then on nobody passes it
    /// over, so that two who look at once cannot disagree.
    /// </summary>
    Task<bool> BeginAsync(Id<Firing> firing, Id<Session> session, CancellationToken ct);

    /// <summary>Writes the outcome of a pending firing; false when it has one, is begun and shall be passed over, or is gone.</summary>
    /// <param name="sent">The first event that it sent, from which the run is found.</param>
    Task<bool> FinishAsync(Firing firing, Id<SessionEvent>? sent, CancellationToken ct);

    /// <summary>The newest firing whose run has not ended, or has not begun; null when there is none among the last few.</summary>
    Task<Firing?> FindOpenAsync(Id<Schedule> id, CancellationToken ct);

    /// <summary>Whether the event is in the tenant's logs: then the firing that sends it was carried out.</summary>
    Task<bool> WasSentAsync(Id<SessionEvent> sent, CancellationToken ct);

    /// <summary>The history, newest first. Empty when the schedule is missing.</summary>
    Task<Page<Firing>> ListFiringsAsync(Id<Schedule> id, FiringOutcome? outcome, PageRequest page, CancellationToken ct);
}

/// <param name="SettledUntil">The newest moment that has a line.</param>
public sealed record FiringLines(IReadOnlyList<Firing> Lines, DateTimeOffset SettledUntil);
