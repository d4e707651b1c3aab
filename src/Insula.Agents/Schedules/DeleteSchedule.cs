using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>Removes a schedule with its history; what it started goes on. Its alarm goes when it is looked at.</summary>
public sealed class DeleteSchedule(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Done>> DeleteAsync(TenantScope scope, Id<Schedule> id, CancellationToken ct)
    {
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (!await store.Schedules.RemoveAsync(id, ct)) return ScheduleRules.NotFound;
        }

        await audit.AppendAsync(scope, "schedule.delete", id.ToString(), time.GetUtcNow(), ct);
        return default(Done);
    }
}
