using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy;

/// <summary>
/// Who may do what, and how much of it. The stores, and what placements there are, come from Insula.Storage; <see cref="StartTenancy"/> must have run
/// before the first request.
/// </summary>
public static class TenancyRegistration
{
    public static IServiceCollection AddTenancy(this IServiceCollection services, TenancyOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<PlanCatalog>().AddSingleton<AccessSignals>();
        services.AddSingleton(static of => new RateLimiter(of.Time(), of.Get<Node>().Alone ? null : of.Get<IRateGrants>())).AddSingleton<AddressLimiter>();
        services.TryAddSingleton<IPepperStore>(new PepperFile(options.PepperPath));
        services.AddAccess();
        services.AddSingleton<CreateApiKey>().AddSingleton<IssueTenantKey>().AddSingleton<ListApiKeys>().AddSingleton<ShowApiKey>();
        services.AddSingleton<RotateApiKey>().AddSingleton<RevokeApiKey>().AddSingleton<CheckStanding>();
        services.AddSingleton<AddMember>().AddSingleton<ListMembers>().AddSingleton<ShowMember>().AddSingleton<UpdateMember>().AddSingleton<RemoveMember>();
        services.AddSingleton<CreateTenant>().AddSingleton<SignUp>().AddSingleton<ListTenants>().AddSingleton<ShowTenant>();
        services.AddSingleton<ChangeTenant>().AddSingleton<UpdateTenant>().AddSingleton<SuspendTenant>().AddSingleton<ResumeTenant>();
        services.AddSingleton(static of => new BudgetsInForce(of.Get<IBudgetStore>(), of.Get<IWakes>(), of.Time()));
        services.AddSingleton<BudgetSignals>().AddSingleton<SetBudget>().AddSingleton<RemoveBudget>().AddSingleton<ListBudgets>();
        services.AddSingleton<FollowAccess>();
        services.AddSingleton(static of => LimitSources.Rates(of.Get<RateLimiter>(), of.Time()));
        services.AddSingleton(static of => LimitSources.Keys(of.Get<IApiKeyStore>(), of.Time()));
        services.AddSingleton(static of => LimitSources.Members(of.Get<IMemberStore>()));
        services.AddSingleton(static of => LimitSources.Budgets(of.Get<IBudgetStore>()));
        services.AddSingleton<ListLimits>();
        services.AddSingleton<ListPlans>().AddSingleton<PutPlan>().AddSingleton<ListAudit>();
        services.AddSingleton<PriceCatalog>().AddSingleton<RenewTerms>().AddSingleton<ListPrices>().AddSingleton<PutPrice>();
        services.AddSingleton<ShowUsage>().AddSingleton<ShowStats>().AddSingleton<Traffic>();
        services.AddSingleton<ShowStatement>();
        return services;
    }

    /// <summary>Types with internal constructors: nothing outside this project can make one of its own.</summary>
    private static void AddAccess(this IServiceCollection services)
    {
        services.AddSingleton<Peppers>().AddSingleton<OperatorKeys>().AddSingleton<LastUses>();
        services.AddSingleton(static of => new KeyCache(of.Get<IWakes>(), of.Time()));
        services.AddSingleton(static of => new TenantStandings(of.Get<ITenantDirectory>(), of.Get<PlanCatalog>(), of.Get<IWakes>(), of.Time()));
        services.AddSingleton(static of => new KeyMint(of.Get<Peppers>(), of.Time()));
        services.AddSingleton(static of => new AccessInForce(of.Get<KeyCache>(), of.Get<TenantStandings>(), of.Get<AccessSignals>(), of.Get<IWakes>()));
        services.AddSingleton(static of => new Authenticate(
            of.Get<Peppers>(),
            of.Get<OperatorKeys>(),
            of.Get<KeyCache>(),
            new AuthenticationStores(of.Get<IApiKeyStore>(), of.Get<TenantStandings>(), of.Get<LastUses>()),
            of.Time()));
        services.AddSingleton(static of => new StartTenancy(
            of.Get<TenancyOptions>(),
            new StartStores(of.Get<IPepperStore>(), of.Get<IOperatorKeyStore>(), of.Get<ITenantDirectory>(), of.Get<IPlanStore>(), of.Get<IPriceStore>()),
            new AccessState(of.Get<Peppers>(), of.Get<OperatorKeys>(), of.Get<PlanCatalog>(), of.Get<PriceCatalog>()),
            of.Get<PlacementChoice>(),
            of.Time(),
            of.Get<ILogger<StartTenancy>>()));
    }

    private static T Get<T>(this IServiceProvider of)
        where T : notnull => of.GetRequiredService<T>();

    private static TimeProvider Time(this IServiceProvider of) => of.GetRequiredService<TimeProvider>();
}
