using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Billing;

/// <summary>Wires the billing. The host runs <see cref="ReportCosts.RunAsync"/> for as long as it serves.</summary>
public static class BillingRegistration
{
    public static IServiceCollection AddBilling(this IServiceCollection services, BillingOptions options) => services
        .AddSingleton(options)
        .AddSingleton<SetCustomer>()
        .AddSingleton(static sp => new ReportCosts(
            sp.GetRequiredService<BillingOptions>(),
            sp.GetRequiredService<IBillingStore>(),
            sp.GetRequiredService<IMeterFactory>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<ReportCosts>>()));
}
