using Insula.Tenancy.Webhooks;

namespace Insula.Server.Hosting;

/// <summary>Keeps events on their way for as long as the server serves.</summary>
internal sealed class WebhooksService(DeliverWebhooks deliver) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => deliver.RunAsync(stoppingToken);
}
