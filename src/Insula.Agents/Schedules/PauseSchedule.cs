using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>
/// Pauses a schedule and lets it go on. Moments of a pause are not due, so none of them is missed. Doing either twice is fine.
/// </summary>
public sealed class PauseSchedule(ITenantStores stores, ScheduleChanges changes, IAuditLog audit)
{
    public Task<Result<Schedule>> PauseAsync(TenantScope scope, Id<Schedule> id, CancellationToken ct) =>
        ChangeAsync(scope, id, "schedule.pause", static (schedule, now) => schedule.PausedAt is null ? schedule with { PausedAt = now, UpdatedAt = now } : schedule, ct);

    public Task<Result<Schedule>> ResumeAsync(TenantScope scope, Id<Schedule> id, CancellationToken ct) => ChangeAsync(
        scope,
        id,
        "schedule.resume",
        static (schedule, now) => schedule.PausedAt is null ? schedule : schedule with { PausedAt = null, SettledUntil = now > schedule.SettledUntil ? now : schedule.SettledUntil, UpdatedAt = now },
        ct);

    private async Task<Result<Schedule>> ChangeAsync(TenantScope scope, Id<Schedule> id, string action, Func<Schedule, DateTimeOffset, Schedule> change, CancellationToken ct)
    {
        Schedule? found;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            found = await store.Schedules.FindAsync(id, ct);
        }

        if (found is null) return ScheduleRules.NotFound;
        var now = changes.Now;
        if (await changes.UpdateAsync(scope, found, schedule => change(schedule, now), ct) is not { } updated) return ScheduleRules.NotFound;
        if (updated.Fault is null) await audit.AppendAsync(scope, action, id.ToString(), now, ct);
        return updated;
    }
}
