using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Schedules;

/// <summary>
/// What every change of a schedule goes through: an alarm for soon before the write, which outlives a crash after it, and one
/// for the next firing behind it.
/// </summary>
public sealed class ScheduleChanges(ITenantStores stores, IScheduleAlarms alarms, TenantStandings standings, TimeProvider time)
{
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(1);

    internal DateTimeOffset Now => time.GetUtcNow();

    internal async Task<Limits> LimitsOfAsync(TenantScope scope, CancellationToken ct) =>
        (await standings.FindAsync(scope.Tenant, ct))?.Limits ?? throw new FaultException(Fault.NotFound("tenant"));

    /// <summary>The refusal when what the schedule is to use is missing or archived; null when it can be used.</summary>
    internal async Task<Fault?> UnusableAsync(TenantScope scope, ScheduleDefinition definition, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (definition.SessionId is { } session)
        {
            if (await store.Sessions.FindAsync(session, ct) is not { } found) return SessionRules.NotFound;
            return found.ArchivedAt is null ? null : SessionRules.Archived;
        }

        if (await store.Agents.FindAsync(definition.AgentId!.Value, version: null, ct) is not { } agent) return AgentRules.NotFound;
        if (agent.ArchivedAt is not null) return Fault.Invalid("agent", "The agent is archived and starts no new session; choose another.", "agent_archived");
        if (await store.Environments.FindAsync(definition.EnvironmentId!.Value, ct) is not { } environment) return EnvironmentRules.NotFound;
        return environment.ArchivedAt is null ? null : EnvironmentRules.Archived with { Field = "environment" };
    }

    /// <summary>Adds a schedule; false when the tenant has as many as it may.</summary>
    internal async Task<bool> AddAsync(TenantScope scope, Schedule schedule, CronTimes times, int schedulesMax, CancellationToken ct)
    {
        await WakeSoonAsync(scope, schedule, ct);
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (!await store.Schedules.AddAsync(schedule, schedulesMax, ct)) return false;
        }

        await WakeForNextAsync(scope, schedule, times, ct);
        return true;
    }

    /// <summary>Changes a schedule that is there; null when it is missing.</summary>
    internal async Task<Result<Schedule>?> UpdateAsync(TenantScope scope, Schedule found, Func<Schedule, Result<Schedule>> change, CancellationToken ct)
    {
        await WakeSoonAsync(scope, found, ct);
        Result<Schedule>? updated;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            updated = await store.Schedules.UpdateAsync(found.Id, change, ct);
        }

        if (updated is { Fault: null } done) await WakeForNextAsync(scope, done.Value, CronTimes.Of(done.Value.Definition), ct);
        return updated;
    }

    /// <summary>Adds a firing by hand, to be carried out at once; false when the schedule is missing.</summary>
    internal async Task<bool> AddFiringAsync(TenantScope scope, Schedule found, Firing firing, CancellationToken ct)
    {
        await WakeSoonAsync(scope, found, ct);
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (!await store.Schedules.AddFiringAsync(firing, ct)) return false;
        }

        await alarms.WakeAsync(scope.Tenant, found.Id, Now, ct);
        return true;
    }

    private Task WakeSoonAsync(TenantScope scope, Schedule schedule, CancellationToken ct) => alarms.WakeAsync(scope.Tenant, schedule.Id, Now + Soon, ct);

    private async Task WakeForNextAsync(TenantScope scope, Schedule schedule, CronTimes times, CancellationToken ct)
    {
        if (schedule.NextFire(times, Now) is { } next) await alarms.WakeAsync(scope.Tenant, schedule.Id, next, ct);
    }
}
