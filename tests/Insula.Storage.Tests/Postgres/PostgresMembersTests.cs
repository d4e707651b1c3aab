using Insula.Storage.Tests.Contracts;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public abstract class PostgresMembersTests(SharedPostgres postgres, int nodes) : MembersContract
{
    private readonly List<PostgresHome> _homes = [new(postgres) { Common = true }];

    protected override async Task<IReadOnlyList<IServiceProvider>> OpenAsync()
    {
        await _homes[0].OpenAsync();
        while (_homes.Count < nodes) _homes.Add(await new PostgresHome(postgres) { On = _homes[0].Database }.OpenAsync());
        return [.. _homes.Select(static home => home.Services)];
    }

    protected override async ValueTask CloseAsync()
    {
        foreach (var home in _homes) await home.DisposeAsync();
    }
}

public sealed class PostgresMembersOnOneNodeTests(SharedPostgres postgres) : PostgresMembersTests(postgres, nodes: 1);

public sealed class PostgresMembersOnThreeNodesTests(SharedPostgres postgres) : PostgresMembersTests(postgres, nodes: 3);
