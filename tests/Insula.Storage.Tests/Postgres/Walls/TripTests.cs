using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>How often a use of a store waits for the database, the setting of the tenant included: counted on the wire.</summary>
public sealed class TripTests(SharedPostgres postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Placement.Shared)]
    [InlineData(Placement.Schema)]
    [InlineData(Placement.Database)]
    public async Task A_read_is_one_trip_and_a_write_one_for_each_answer_that_it_waits_for(Placement placement)
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        await using var proxy = new CountingProxy(database.Server.Port);
        await using var home = await new PostgresHome(postgres) { On = database, Change = options => options with { Main = new Secret(Through(proxy, options.Main)) } }.OpenAsync();
        var tenant = await home.AddTenantAsync(placement);
        await using var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Run.For(tenant.Id), Ct);
        var session = NewSession();
        await store.Sessions.AddAsync(session, [], Ct);
        var grown = Id<Session>.New();
        await store.Sessions.AddAsync(session with { Id = grown }, [.. Enumerable.Range(0, 600).Select(static _ => Message)], Ct);
        var fork = await ForkAsync(store, grown, 600);
        var record = new AuditRecord(tenant.Id, new Principal("operator", "test"), "test", "target", null, TimeProvider.System.GetUtcNow());

        (string Name, int Trips, Func<Task> Act)[] uses =
        [
            ("find", 1, () => store.Sessions.FindAsync(session.Id, Ct)),
            ("find nothing", 1, () => store.Environments.FindAsync(Id<AgentEnvironment>.New(), Ct)),
            ("list", 1, () => store.Environments.ListAsync(new(true, TimeRange.Any), new(10, null), Ct)),
            ("read events", 1, () => store.Sessions.ReadAsync(session.Id, 0, 10, Ct)),
            ("find a key", 1, () => home.Get<IApiKeyStore>().FindByHandleAsync("nobody", Ct)),
            ("add", 1, () => store.Environments.AddAsync(PostgresHome.NewEnvironment("one"), Ct)),
            ("add with events", 2, () => store.Sessions.AddAsync(NewSession(), [Message], Ct)),
            ("audit", 1, () => home.Get<IAuditLog>().AppendAsync(record, Ct)),
            ("claim", 1, () => store.Sessions.ClaimAsync(session.Id, Ct)),
            ("fork", 3, () => ForkAsync(store, session.Id, 1)),
            ("fork where the log is long", 3, () => ForkAsync(store, grown, 600)),
            ("read a fork's own events", 1, () => store.Sessions.ReadAsync(fork.Id, 600, 10, Ct)),
            ("read a fork from the beginning", 3, () => store.Sessions.ReadAsync(fork.Id, 0, 10, Ct)),
            ("append input", 2, () => store.Sessions.AppendInputAsync(session.Id, [Message], static _ => null, session.CreatedAt, Ct)),
        ];
        foreach (var (_, _, act) in uses)
        {
            // Until everything is prepared, on every connection of the pool that may serve it.
            for (var round = 0; round < 3; round++) await act();
        }

        List<string> wrong = [];
        foreach (var (name, trips, act) in uses)
        {
            // The fewest of three: a slow machine lets the pool open or look at another connection in between.
            var fewest = long.MaxValue;
            for (var round = 0; round < 3; round++)
            {
                var before = proxy.Trips;
                await act();
                fewest = Math.Min(fewest, proxy.Trips - before);
            }

            if (fewest != trips) wrong.Add($"{name}: {fewest} trips instead of {trips}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static async Task<Session> ForkAsync(ITenantStore store, Id<Session> origin, long at)
    {
        var made = await store.Sessions.ForkAsync(
            origin, session => new SessionUpdate(session with { Id = Id<Session>.New(), ForkedFrom = new(origin, at), LastSeq = at }, [new(new SessionForked(origin, at))]), Ct);
        return made!.Value.Value.Session;
    }

    private static NewEvent Message => new(new UserMessage([ContentBlock.OfText("hello")]));

    private static string Through(CountingProxy proxy, Secret address) => new NpgsqlConnectionStringBuilder(address.Reveal()) { Port = proxy.Port, SslMode = SslMode.Disable }.ConnectionString;

    private static Session NewSession()
    {
        var now = TimeProvider.System.GetUtcNow();
        var definition = new AgentDefinition { Name = "agent", Model = new("insula/scripted") };
        return new(
            Id<Session>.New(), Id<Agent>.New(), 1, definition, Id<AgentEnvironment>.New(), null, new Dictionary<string, string>(), null, SessionStatus.Idle, 0, 0, false, default, 0, now, now, null);
    }
}
