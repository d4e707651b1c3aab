using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>
/// Changes what a schedule does. When its times change, they count from now on: moments of the old times that nobody looked
/// at yet are let go. Firings that were taken up are carried out as the schedule is now.
/// </summary>
public sealed class UpdateSchedule(ITenantStores stores, ScheduleChanges changes, IAuditLog audit)
{
    /// <param name="change">The definition that follows from the present one.</param>
    public async Task<Result<Schedule>> UpdateAsync(TenantScope scope, Id<Schedule> id, Func<ScheduleDefinition, ScheduleDefinition> change, CancellationToken ct)
    {
        var limits = await changes.LimitsOfAsync(scope, ct);
        Schedule? found;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            found = await store.Schedules.FindAsync(id, ct);
        }

        if (found is null) return ScheduleRules.NotFound;
        var wanted = change(found.Definition);
        if (ScheduleRules.Check(wanted, limits, changes.Now).Failed(out var violation, out _)) return violation;
        if (await changes.UnusableAsync(scope, wanted, ct) is { } unusable) return unusable;

        var now = changes.Now;
        var updated = await changes.UpdateAsync(
            scope,
            found,
            current =>
            {
                var definition = change(current.Definition);
                if (ScheduleRules.Check(definition, limits, now).Failed(out var fault, out _)) return fault;
                var moved = definition.Cron != current.Definition.Cron || definition.TimeZone != current.Definition.TimeZone || definition.StartsAt != current.Definition.StartsAt || definition.EndsAt != current.Definition.EndsAt;
                return current with { Definition = definition, SettledUntil = moved && now > current.SettledUntil ? now : current.SettledUntil, UpdatedAt = now };
            },
            ct);
        if (updated is not { } there) return ScheduleRules.NotFound;
        if (there.Failed(out var refused, out var schedule)) return refused;

        await audit.AppendAsync(scope, "schedule.update", id.ToString(), now, ct);
        return schedule;
    }
}
