using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Knowledge;
using Insula.Agents.Sessions;
using Insula.Storage.Sqlite;

namespace Insula.Storage.TenantData;

/// <summary>One tenant's store on its own file, held open by a lease.</summary>
internal sealed class TenantStore(TenantFiles.Lease lease, string tenant) : ITenantStore
{
    public IAgentStore Agents => new AgentStore(lease.File, tenant);

    public IEnvironmentStore Environments => new EnvironmentStore(lease.File, tenant);

    public ISessionStore Sessions => new SessionStore(lease.File, tenant);

    public IKnowledgeStore Knowledge => new KnowledgeStore(lease.File, tenant);

    public Task<long> SizeAsync(CancellationToken ct) =>
        lease.File.ReadAsync(static link => link.Number("pragma page_count") * link.Number("pragma page_size"), ct);

    public ValueTask DisposeAsync()
    {
        lease.Dispose();
        return ValueTask.CompletedTask;
    }
}
