using Insula.Agents;
using Insula.Agents.Runs;
using Insula.Storage.Control;
using Insula.Storage.Sqlite;
using Insula.Storage.TenantData;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Insula.Storage;

/// <summary>Wires the storage. Start it with <see cref="SqliteStorage.OpenAsync"/> before anything asks it.</summary>
public static class StorageRegistration
{
    public static IServiceCollection AddSqliteStorage(this IServiceCollection services, StorageOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => new SqliteStorage(options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<SqliteStorage>>()));
        services.AddSingleton<ITenantDirectory, TenantDirectory>();
        services.AddSingleton<IApiKeyStore, ApiKeyStore>();
        services.AddSingleton<IOperatorKeyStore, OperatorKeyStore>();
        services.AddSingleton<IPlanStore, PlanStore>();
        services.AddSingleton<IAuditLog, AuditLog>();
        services.AddSingleton<IRunQueue, RunQueue>();
        services.AddSingleton<ITenantStores, TenantStores>();
        services.AddSingleton<ITenantStorage, EmbeddedTenantStorage>();
        services.AddSingleton(new PlacementChoice(PlacementOptions.Embedded));
        return services;
    }
}
