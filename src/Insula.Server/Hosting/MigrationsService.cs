using Insula.Storage;

namespace Insula.Server.Hosting;

/// <summary>Migrates the tenants that are behind for as long as the server serves. Those who are used meanwhile do not wait for it.</summary>
internal sealed class MigrationsService(MigrateTenants tenants) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => tenants.RunAsync(stoppingToken);
}
