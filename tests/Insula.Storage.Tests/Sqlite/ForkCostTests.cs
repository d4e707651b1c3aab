using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>What a fork leaves in the file.</summary>
public sealed class ForkCostTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_fork_writes_a_session_and_an_event_however_long_the_log_before_it()
    {
        await using var home = await new SqliteHome().OpenAsync();
        await using var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Run.For(Id<Tenant>.New()), Ct);
        foreach (var length in (int[])[10, 10_000])
        {
            var origin = NewSession();
            await store.Sessions.AddAsync(origin, [.. Enumerable.Range(0, length).Select(static _ => new NewEvent(new UserMessage([ContentBlock.OfText("hello")])))], Ct);
            var before = await RowsAsync(home);
            var forked = await store.Sessions.ForkAsync(
                origin.Id, session => new SessionUpdate(session with { Id = Id<Session>.New(), ForkedFrom = new(origin.Id, length), LastSeq = length }, [new(new SessionForked(origin.Id, length))]), Ct);
            Assert.Null(forked!.Value.Fault);
            Assert.Equal(before + 2, await RowsAsync(home));
        }
    }

    private static Session NewSession()
    {
        var now = TimeProvider.System.GetUtcNow();
        return new(
            Id<Session>.New(), Id<Agent>.New(), 1, new AgentDefinition { Name = "agent", Model = new("insula/scripted") }, Id<AgentEnvironment>.New(), null,
            new Dictionary<string, string>(), null, SessionStatus.Idle, 0, 0, false, default, 0, now, now, null);
    }

    private static async Task<long> RowsAsync(SqliteHome home)
    {
        var file = Directory.EnumerateFiles(home.Folder, "tenant.db", SearchOption.AllDirectories).Single();
        await using var connection = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False");
        await connection.OpenAsync(Ct);
        List<string> tables = [];
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "select name from sqlite_schema where type = 'table'";
            await using var reader = await command.ExecuteReaderAsync(Ct);
            while (await reader.ReadAsync(Ct)) tables.Add(reader.GetString(0));
        }

        await using var count = connection.CreateCommand();
        count.CommandText = $"select {string.Join(" + ", tables.Select(static table => $"(select count(*) from {table})"))}";
        return (long)(await count.ExecuteScalarAsync(Ct))!;
    }
}
