using Insula.Agents;
using Insula.Storage.Tests.Contracts;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>The placement <c>file</c>.</summary>
internal sealed class FilePlace : TenantPlace
{
    private readonly SqliteHome _home = new();

    public override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    public override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    public override ValueTask DisposeAsync() => _home.DisposeAsync();
}

public sealed class SqliteAgentsTests() : AgentsContract(new FilePlace());

public sealed class SqliteSessionsTests() : SessionsContract(new FilePlace());

public sealed class SqliteEventLogTests() : EventLogContract(new FilePlace());

public sealed class SqliteRunsTests() : RunsContract(new FilePlace());

public sealed class SqliteForksTests() : ForksContract(new FilePlace());

public sealed class SqliteSchedulesTests() : SchedulesContract(new FilePlace());

public sealed class SqliteKnowledgeTests() : KnowledgeContract(new FilePlace());

public sealed class SqliteQuotasTests() : QuotasContract(new FilePlace());
