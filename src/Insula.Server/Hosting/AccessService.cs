using Insula.Tenancy.Access;

namespace Insula.Server.Hosting;

/// <summary>Follows what other nodes change of tenants, keys and plans, for as long as the server serves.</summary>
internal sealed class AccessService(FollowAccess follow) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => follow.RunAsync(stoppingToken);
}
