using Insula.Agents.Usage;

namespace Insula.Server.Hosting;

/// <summary>Keeps the ledger up to date for as long as the server serves.</summary>
internal sealed class UsageService(UsageShipper shipper) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => shipper.RunAsync(stoppingToken);
}
