using Insula.Agents.Usage;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Budgets;

/// <summary>Wires the budgets of steps. The host runs <see cref="HeldMoney.RunAsync"/> for as long as it serves.</summary>
public static class BudgetRegistration
{
    public static IServiceCollection AddBudgets(this IServiceCollection services) => services
        .AddSingleton<BudgetMetrics>()
        .AddSingleton<BudgetDoor>()
        .AddSingleton<StepFunds>()
        .AddSingleton(sp => new HeldMoney(
            sp.GetRequiredService<IBudgetStore>(),
            sp.GetRequiredService<ShipUsage>(),
            sp.GetRequiredService<Node>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<HeldMoney>>()));
}
