using Insula.Agents;
using Insula.Storage.TenantData;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>
/// The same contracts with every tenant in one file. No placement of ours does that to SQLite; it takes away the wall
/// between files, so that a statement which forgets its tenant is seen.
/// </summary>
internal sealed class OneFileStores(SqliteStorage storage) : ITenantStores
{
    private static readonly Id<Tenant> Everybody = Id<Tenant>.New();

    private readonly SessionQuota _sessions = new();

    public async ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct) =>
        new TenantStore(await storage.TenantFiles.LeaseAsync(Everybody, ct), scope.Tenant.ToString(), _sessions);
}

internal sealed class OneFilePlace : TenantPlace
{
    private readonly SqliteHome _home = new();

    public override async Task<ITenantStores> OpenAsync() => new OneFileStores((await _home.OpenAsync()).Get<SqliteStorage>());

    public override async Task<ITenantStores> ReopenAsync()
    {
        await _home.ReopenAsync();
        return new OneFileStores(_home.Get<SqliteStorage>());
    }

    public override ValueTask DisposeAsync() => _home.DisposeAsync();
}

public sealed class OneFileAgentsTests() : AgentsContract(new OneFilePlace());

public sealed class OneFileSessionsTests() : SessionsContract(new OneFilePlace());

public sealed class OneFileEventLogTests() : EventLogContract(new OneFilePlace());

public sealed class OneFileRunsTests() : RunsContract(new OneFilePlace());

public sealed class OneFileForksTests() : ForksContract(new OneFilePlace());

public sealed class OneFileSchedulesTests() : SchedulesContract(new OneFilePlace());

public sealed class OneFileKnowledgeTests() : KnowledgeContract(new OneFilePlace());
