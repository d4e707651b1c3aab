using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Knowledge;
using Insula.Agents.Quotas;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Agents.Usage;
using Insula.Storage.Engine;
using Insula.Storage.Statements;

namespace Insula.Storage.TenantData;

/// <summary>One tenant's store, wherever it lives.</summary>
internal sealed class TenantStore(TenantLease lease, string tenant, SessionQuota quota) : ITenantStore
{
    public IAgentStore Agents => new AgentStore(lease.Database, tenant);

    public IEnvironmentStore Environments => new EnvironmentStore(lease.Database, tenant);

    public ISessionStore Sessions => new SessionStore(lease.Database, tenant, quota);

    public IRunStore Runs => new RunStore(lease.Database, tenant);

    public IKnowledgeStore Knowledge => new KnowledgeStore(lease.Database, tenant);

    public IScheduleStore Schedules => new ScheduleStore(lease.Database, tenant);

    public IUsageOutbox Usage => new UsageOutbox(lease.Database, tenant);

    public async Task<QuotaUse> CountAsync(CancellationToken ct) => (await lease.Database.FirstAsync(
        QuotaSql.Use,
        static row => new QuotaUse(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5)),
        ct,
        ("@tenant_id", tenant)))!;

    public ValueTask DisposeAsync()
    {
        lease.Dispose();
        return ValueTask.CompletedTask;
    }
}
