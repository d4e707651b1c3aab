using Insula.Agents.Usage;

namespace Insula.Server.Hosting;

/// <summary>Takes counts to the store, and judges tenants by the limits in force, for as long as the server serves.</summary>
internal sealed class StatsService(FlushStats flush, JudgeTenants judge) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(flush.RunAsync(stoppingToken), judge.RunAsync(stoppingToken));
}
