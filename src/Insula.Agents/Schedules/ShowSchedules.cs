using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Schedules;

/// <summary>Reads schedules and what became of their moments.</summary>
public sealed class ShowSchedules(ITenantStores stores, TimeProvider time)
{
    public const int PreviewMax = 100;

    public async Task<Result<Schedule>> ShowAsync(TenantScope scope, Id<Schedule> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Schedules.FindAsync(id, ct) is { } schedule ? schedule : ScheduleRules.NotFound;
    }

    public async Task<Page<Schedule>> ListAsync(TenantScope scope, ScheduleFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Schedules.ListAsync(filter, page, ct);
    }

    public async Task<Result<Page<Firing>>> HistoryAsync(TenantScope scope, Id<Schedule> id, FiringOutcome? outcome, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Schedules.FindAsync(id, ct) is null ? ScheduleRules.NotFound : await store.Schedules.ListFiringsAsync(id, outcome, page, ct);
    }

    /// <summary>The next moments at which it fires; fewer when it ends before, none while it is paused.</summary>
    public IReadOnlyList<DateTimeOffset> Preview(Schedule schedule, int count)
    {
        var times = CronTimes.Of(schedule.Definition);
        List<DateTimeOffset> moments = [];
        for (var next = schedule.NextFire(times, time.GetUtcNow()); next is { } moment && moments.Count < count; next = schedule.NextAfter(times, moment)) moments.Add(moment);
        return moments;
    }
}
