using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Schedules;

/// <summary>Wires the schedules. The host runs <see cref="ScheduleWatch.RunAsync"/> for as long as it serves.</summary>
public static class SchedulesRegistration
{
    public static IServiceCollection AddSchedules(this IServiceCollection services)
    {
        services.AddSingleton<ScheduleMetrics>().AddSingleton<ScheduleChanges>();
        services.AddSingleton<CreateSchedule>().AddSingleton<ShowSchedules>().AddSingleton<UpdateSchedule>();
        services.AddSingleton<PauseSchedule>().AddSingleton<DeleteSchedule>().AddSingleton<TriggerSchedule>();
        services.AddSingleton(sp => new FireSchedule(
            sp.GetRequiredService<ITenantStores>(),
            sp.GetRequiredService<CreateSession>(),
            sp.GetRequiredService<SendEvents>(),
            sp.GetRequiredService<ScheduleMetrics>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<FireSchedule>>()));
        return services.AddSingleton(sp => new ScheduleWatch(
            sp.GetRequiredService<IScheduleAlarms>(),
            sp.GetRequiredService<FireSchedule>(),
            sp.GetRequiredService<Node>(),
            sp.GetRequiredService<ScheduleMetrics>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<ScheduleWatch>>()));
    }
}
