using Insula.Agents;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Storage.Control;
using Insula.Storage.Engine;
using Insula.Storage.Postgres;
using Insula.Storage.Postgres.Wakes;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Insula.Tenancy.Webhooks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Insula.Storage;

/// <summary>Wires the storage. Start it with <see cref="InstalledStorage.OpenAsync"/> before anything asks it.</summary>
public static class StorageRegistration
{
    public static IServiceCollection AddSqliteStorage(this IServiceCollection services, StorageOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new SqliteStorage(options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SqliteStorage>>()));
        services.AddSingleton<InstalledStorage>(static provider => provider.GetRequiredService<SqliteStorage>());
        services.AddSingleton<ControlDatabase, ControlFile>().AddSingleton<ITenantStores, FileStores>().AddSingleton<ITenantStorage, EmbeddedTenantStorage>();
        services.AddSingleton(new PlacementChoice(PlacementOptions.Embedded));
        services.AddSingleton(Node.New(alone: true)).AddSingleton<IWakes, NoOtherNodes>();
        return services.AddControlStores();
    }

    public static IServiceCollection AddPostgresStorage(this IServiceCollection services, PostgresOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new PostgresStorage(options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<PostgresStorage>>())
        {
            Wakes = provider.GetRequiredService<PgWakes>(),
        });
        services.AddSingleton<InstalledStorage>(static provider => provider.GetRequiredService<PostgresStorage>());
        services.AddSingleton<ControlDatabase, ControlSchema>().AddSingleton<ITenantStores, PgStores>();
        services.Replace(ServiceDescriptor.Singleton<IPepperStore, PgPeppers>());
        services.AddSingleton<PlaceTenants>().AddSingleton<ITenantStorage>(static provider => provider.GetRequiredService<PlaceTenants>());
        services.AddSingleton<MigrationMetrics>().AddSingleton<MigrateTenants>();
        services.AddSingleton(new PlacementChoice(PlacementOptions.Cluster(options.Servers.Keys.Order(StringComparer.Ordinal))));
        services.AddSingleton(Node.New(alone: false)).AddSingleton<PgWakes>().AddSingleton<IWakes>(static provider => provider.GetRequiredService<PgWakes>());
        return services.AddControlStores();
    }

    private static IServiceCollection AddControlStores(this IServiceCollection services) => services
        .AddSingleton<ITenantDirectory, TenantDirectory>()
        .AddSingleton<IApiKeyStore, ApiKeyStore>()
        .AddSingleton<IMemberStore, MemberStore>()
        .AddSingleton<IOperatorKeyStore, OperatorKeyStore>()
        .AddSingleton<IPlanStore, PlanStore>()
        .AddSingleton<IPriceStore, PriceStore>()
        .AddSingleton<IUsageLedger, UsageLedger>()
        .AddSingleton<IStatsStore, StatsStore>()
        .AddSingleton<IWebhookStore, WebhookStore>()
        .AddSingleton<IBillingStore, BillingStore>()
        .AddSingleton<IAuditLog, AuditLog>()
        .AddSingleton<IBudgetStore, BudgetStore>()
        .AddSingleton<IRunQueue, RunQueue>()
        .AddSingleton<IScheduleAlarms, ScheduleAlarms>()
        .AddSingleton<IRateGrants, RateGrants>();
}
