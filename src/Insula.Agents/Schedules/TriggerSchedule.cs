using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>Fires a schedule once by hand, also a paused one. Its policy for overlaps holds; what became of it stands in the history.</summary>
public sealed class TriggerSchedule(ITenantStores stores, ScheduleChanges changes, ScheduleWatch watch, IAuditLog audit)
{
    public async Task<Result<Firing>> TriggerAsync(TenantScope scope, Id<Schedule> id, CancellationToken ct)
    {
        Schedule? found;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            found = await store.Schedules.FindAsync(id, ct);
        }

        if (found is null) return ScheduleRules.NotFound;
        var now = changes.Now;
        var firing = Firing.ByHand(id, now);
        if (!await changes.AddFiringAsync(scope, found, firing, ct)) return ScheduleRules.NotFound;

        watch.LookNow();
        await audit.AppendAsync(scope, "schedule.trigger", id.ToString(), now, ct);
        return firing;
    }
}
