using Insula.Agents.Schedules;

namespace Insula.Server.Hosting;

/// <summary>Keeps the schedules firing for as long as the server serves.</summary>
internal sealed class SchedulesService(ScheduleWatch watch) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => watch.RunAsync(stoppingToken);
}
