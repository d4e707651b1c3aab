using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>Adds a schedule. Its first moment is the first after now, or after its start.</summary>
public sealed class CreateSchedule(ScheduleChanges changes, IAuditLog audit)
{
    public async Task<Result<Schedule>> CreateAsync(TenantScope scope, ScheduleDefinition definition, bool enabled, CancellationToken ct)
    {
        var now = changes.Now;
        var limits = await changes.LimitsOfAsync(scope, ct);
        if (ScheduleRules.Check(definition, limits, now).Failed(out var violation, out var times)) return violation;
        if (await changes.UnusableAsync(scope, definition, ct) is { } unusable) return unusable;

        var schedule = new Schedule(Id<Schedule>.New(), definition, enabled ? null : now, now, now, now);
        if (!await changes.AddAsync(scope, schedule, times, limits.Schedules, ct))
        {
            return Fault.OverLimit("schedule_limit_reached", $"This tenant has as many schedules as its limit schedules allows ({limits.Schedules:N0}). Delete one that is not used, or ask the operator of this installation to raise the limit.") with { Field = "limits.schedules" };
        }

        await audit.AppendAsync(scope, "schedule.create", schedule.Id.ToString(), now, ct);
        return schedule;
    }
}
