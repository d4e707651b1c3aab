using Insula.Tenancy.Billing;

namespace Insula.Server.Hosting;

/// <summary>Keeps costs reported for as long as the server serves.</summary>
internal sealed class BillingService(ReportCosts report) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => report.RunAsync(stoppingToken);
}
