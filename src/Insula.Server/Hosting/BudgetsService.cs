using Insula.Agents.Budgets;

namespace Insula.Server.Hosting;

/// <summary>Keeps up the money that steps under way hold, for as long as the server serves.</summary>
internal sealed class BudgetsService(HeldMoney held) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => held.RunAsync(stoppingToken);
}
