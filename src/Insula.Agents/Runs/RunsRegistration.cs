using Insula.Agents.Budgets;
using Insula.Agents.Models;
using Insula.Agents.Tools;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Prices;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>Wires the runs. The host runs <see cref="TenantRuns.RunAsync"/> for as long as it serves.</summary>
public static class RunsRegistration
{
    public static IServiceCollection AddRuns(this IServiceCollection services, RunOptions options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton<PriceCatalog>();
        services.AddSingleton<SessionWakes>().AddSingleton<SessionFeed>();
        services.AddSingleton<SessionWork>();
        services.AddSingleton<ToolBox>();
        services.AddSingleton(sp => new ChildSessions(sp.GetRequiredService<ITenantStores>(), new Lazy<SessionWork>(sp.GetRequiredService<SessionWork>), sp.GetRequiredService<ILogger<ChildSessions>>()));
        services.AddSingleton<BuiltInTool, RunAgent>();
        services.AddSingleton<RunMetrics>();
        services.AddSingleton<TenantRuns>().AddSingleton<Meter>();
        services.AddSingleton(sp => new ModelCalls(
            sp.GetRequiredService<ModelCatalog>(), sp.GetRequiredService<ToolBox>(), options, sp.GetRequiredService<RunMetrics>(), sp.GetRequiredService<Meter>(), sp.GetRequiredService<TimeProvider>(), sp.GetRequiredService<ILogger<ModelCalls>>(), sp.GetRequiredService<TokenPace>(), sp.GetService<StepFunds>()));
        services.AddSingleton(sp => new TokenPace(sp.GetRequiredService<AllowWork>(), sp.GetService<RateLimiter>(), sp.GetRequiredService<TimeProvider>()));
        services.AddSingleton<SessionWorker>().AddSingleton<RunLeases>().AddSingleton<QueueWatch>().AddSingleton<RunSlots>().AddSingleton<SlotWork>().AddSingleton<LocalTurns>().AddSingleton<SharedTurns>().AddSingleton<FindPlace>();
        services.AddSingleton<RunShareOf>(sp =>
        {
            var standings = sp.GetRequiredService<TenantStandings>();
            return async (tenant, ct) => await standings.FindAsync(tenant, ct) is { Refusal: null, Limits: var limits }
                ? new RunShare(limits.ConcurrentRuns, limits.RunWeight, limits.RunsMinimum)
                : RunShare.None;
        });
        services.AddSingleton<AllowWork>(sp =>
        {
            var (standings, limiter) = (sp.GetRequiredService<TenantStandings>(), sp.GetRequiredService<RateLimiter>());
            return async (scope, classes, ct) =>
                await standings.FindAsync(scope.Tenant, ct) is not { Limits: var limits } ? Fault.NotFound("tenant")
                : classes != RateClasses.None && (await limiter.TakeAsync(scope, classes, limits, ct)).Fault is { } over ? over
                : limits;
        });
        services.AddSingleton(sp => new RunDispatcher(
            sp.GetRequiredService<RunSlots>(),
            sp.GetRequiredService<RunLeases>(),
            sp.GetRequiredService<QueueWatch>(),
            sp.GetRequiredService<LocalTurns>(),
            sp.GetRequiredService<SharedTurns>(),
            sp.GetRequiredService<RunOptions>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<RunDispatcher>>()));
        return services;
    }
}
