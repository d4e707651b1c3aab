using Insula.Agents.Schedules;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.CrashNode;

/// <summary>
/// The store's alarms on a clock that goes <see cref="Haste"/> times as fast since a moment, so that a schedule whose moments
/// are minutes apart has one each second. All nodes agree on it, since it follows from the store's clock.
/// </summary>
internal sealed class HastyAlarms(IScheduleAlarms alarms, DateTimeOffset since) : IScheduleAlarms
{
    private const int Haste = 60;

    /// <summary>So much shorter is a lease: what a dead node holds is soon free, and a slow one may be overtaken.</summary>
    private const int LeaseHaste = 10;

    public static void Replace(IServiceCollection services, DateTimeOffset since)
    {
        var real = services.Last(static service => service.ServiceType == typeof(IScheduleAlarms));
        services.Remove(real);
        services.AddSingleton(real.ImplementationType!);
        services.AddSingleton<IScheduleAlarms>(sp => new HastyAlarms((IScheduleAlarms)sp.GetRequiredService(real.ImplementationType!), since));
    }

    public Task WakeAsync(Id<Tenant> tenant, Id<Schedule> schedule, DateTimeOffset at, CancellationToken ct) => alarms.WakeAsync(tenant, schedule, Real(at), ct);

    public Task<IReadOnlyList<ScheduleAlarm>> ListDueAsync(TimeSpan length, int limit, CancellationToken ct) => alarms.ListDueAsync(length / LeaseHaste, limit, ct);

    public async Task<HeldAlarm?> TryTakeAsync(ScheduleAlarm alarm, Id<Node> node, TimeSpan length, CancellationToken ct) =>
        await alarms.TryTakeAsync(alarm, node, length / LeaseHaste, ct) is { } held ? held with { Now = since + ((held.Now - since) * Haste) } : null;

    public Task SettleAsync(HeldAlarm held, Id<Node> node, DateTimeOffset? next, CancellationToken ct) => alarms.SettleAsync(held, node, next is { } at ? Real(at) : null, ct);

    private DateTimeOffset Real(DateTimeOffset hasty) => since + ((hasty - since) / Haste);
}
