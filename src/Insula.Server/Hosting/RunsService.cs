using Insula.Agents.Runs;

namespace Insula.Server.Hosting;

/// <summary>Keeps the runs going for as long as the server serves; they stop after the listener, so no input comes meanwhile.</summary>
internal sealed class RunsService(TenantRuns runs) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => runs.RunAsync(stoppingToken);
}
