using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Knowledge;
using Insula.Agents.Quotas;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Agents.Usage;
using Insula.Tenancy.Access;

namespace Insula.Agents;

/// <summary>Opens tenants' stores, whatever their placement.</summary>
public interface ITenantStores
{
    /// <summary>
    /// Opens the store of the scope's tenant, activating it when it is cold (created and migrated as needed). The store
    /// is held until it is disposed: hold it for one use case, not for the life of a stream.
    /// Throws <see cref="Insula.Tenancy.Faults.FaultException"/> (Unavailable) when the data is unreadable or newer than
    /// this program, and leaves the data as it is.
    /// </summary>
    ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct);
}

/// <summary>
/// One tenant's data. Behaviour is specified by TenantStoreContract in Insula.Storage.Tests, which every placement
/// passes. A write is durable when its task ends; a cancelled write either happened whole or not at all.
/// </summary>
public interface ITenantStore : IAsyncDisposable
{
    IAgentStore Agents { get; }

    IEnvironmentStore Environments { get; }

    ISessionStore Sessions { get; }

    IRunStore Runs { get; }

    IKnowledgeStore Knowledge { get; }

    IScheduleStore Schedules { get; }

    IUsageOutbox Usage { get; }

    /// <summary>How much there is of what the tenant's quotas count.</summary>
    Task<QuotaUse> CountAsync(CancellationToken ct);
}
