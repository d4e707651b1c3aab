using Insula.Agents.Quotas;
using Insula.Agents.Runs;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Usage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>Wires the metering. The host runs <see cref="UsageShipper.RunAsync"/> for as long as it serves.</summary>
public static class UsageRegistration
{
    public static IServiceCollection AddUsage(this IServiceCollection services) => services
        .AddSingleton<UsageMetrics>()
        .AddSingleton<ShipUsage>()
        .AddSingleton<MeasureTenant>()
        .AddSingleton<FlushStats>()
        .AddSingleton<JudgeTenants>()
        .AddSingleton(sp => new UsageShipper(
            sp.GetRequiredService<ShipUsage>(),
            sp.GetRequiredService<IUsageLedger>(),
            sp.GetRequiredService<UsageMetrics>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<UsageShipper>>()))
        .AddSingleton<UsageSignal>(static sp =>
        {
            var (shipper, traffic) = (sp.GetRequiredService<UsageShipper>(), sp.GetRequiredService<Traffic>());
            return tenant =>
            {
                traffic.Touch(tenant);
                shipper.Signal(tenant);
            };
        });
}
