using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;

namespace Insula.Server.Tests.Sessions;

/// <summary>An agent that calls another one, over HTTP.</summary>
public abstract class RunAgentServerTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_that_may_call_another_one_gets_its_answer_from_a_session_that_names_its_parent()
    {
        await using var host = await store.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("t", Ct)).Client;
        await client.MakeAsync("/v1/agents", new { name = "helper", model = "insula/scripted" }, Ct);
        object[] configs = [new { name = "run_agent", enabled = true, agents = new[] { "helper" } }];
        var asking = await client.MakeAsync("/v1/agents", new { name = "asking", model = "insula/scripted", tools = new object[] { new { type = "agent_toolset_20260401", configs } } }, Ct);
        var environment = await client.MakeAsync("/v1/environments", new { name = "e" }, Ct);
        var session = (await client.MakeAsync("/v1/sessions", new { agent = asking.Id(), environment_id = environment.Id() }, Ct)).Id();

        using var reader = await EventReader.OpenAsync(client, session, after: 0, Ct);
        await client.SayAsync(session, """!tool run_agent {"agent":"helper","prompt":"!text from the helper"}""" + "\n!text done", Ct);
        var seen = await reader.UntilAsync("session.status_idle", Ct);
        var result = seen.Single(static frame => frame.Type is "agent.tool_result").Json;
        Assert.Equal((false, "from the helper", 1), (result.GetProperty("is_error").GetBoolean(), result.GetProperty("content")[0].GetProperty("text").GetString(), result.GetProperty("steps").GetInt32()));

        var sessions = (await client.FetchAsync("/v1/sessions", Ct)).GetProperty("data").EnumerateArray().ToList();
        var child = Assert.Single(sessions, static s => s.TryGetProperty("parent", out JsonElement _));
        Assert.Equal(
            (session, seen.Single(static frame => frame.Type is "agent.tool_use").Json.Id()),
            (child.GetProperty("parent").GetProperty("session_id").GetString(), child.GetProperty("parent").GetProperty("tool_use_id").GetString()));
    }
}

public sealed class RunAgentServerEmbeddedTests(EmbeddedStore store) : RunAgentServerTests(store), IClassFixture<EmbeddedStore>;

public sealed class RunAgentServerOnPostgresTests(PostgresStore store) : RunAgentServerTests(store), IClassFixture<PostgresStore>;
