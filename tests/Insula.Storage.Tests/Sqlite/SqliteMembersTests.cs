using Insula.Storage.Tests.Contracts;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteMembersTests : MembersContract
{
    private readonly SqliteHome _home = new();

    protected override async Task<IReadOnlyList<IServiceProvider>> OpenAsync() => [(await _home.OpenAsync()).Services];

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
