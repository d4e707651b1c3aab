using Insula.Agents.Usage;

namespace Insula.Server.Hosting;

/// <summary>Takes counts to the store for as long as the server serves.</summary>
internal sealed class StatsService(FlushStats flush) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => flush.RunAsync(stoppingToken);
}
