using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Agents.Models;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;
using Insula.TestKit.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Budgets;

/// <summary>Runs under budgets, over HTTP, on both stores: never an overshoot, and no needless refusal.</summary>
public abstract class BudgetRunTests(TestStore store)
{
    private static readonly int Runs = int.Parse(Environment.GetEnvironmentVariable("INSULA_TEST_BUDGET_RUNS") ?? "40", CultureInfo.InvariantCulture);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_that_its_budget_cannot_pay_stops_before_the_call_and_says_why()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(100);
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 60 30\n!text paid"));
        Assert.Equal(90, await world.SpentAsync());

        var (reason, error) = await world.RunAsync("!usage 60 30\n!text unpaid");
        Assert.Equal("budget_reached", reason);
        Assert.Equal(
            $"The budget agent:{world.Agent} is used up: $0.0001 in all, $0.00009 spent. It does not begin anew. An administrator of this tenant can raise it: PUT /api/v1/budgets/agent:{world.Agent}.", error);
        Assert.Equal(90, await world.SpentAsync());
        var metrics = await host.Operator.GetStringAsync("/metrics", Ct);
        Assert.Contains("insula_budget_refusals_total{scope=\"agent\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("insula_budget_thresholds_total{scope=\"agent\",percent=\"80\"} 1\n", metrics, StringComparison.Ordinal);

        await world.LimitAgentAsync(200);
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 60 30\n!text paid again"));
    }

    [Fact]
    public async Task A_model_that_nobody_has_a_price_for_is_not_asked_under_a_budget()
    {
        var model = new PuppetModel();
        await using var host = await store.StartAsync(new TestHostOptions { Services = services => services.AddSingleton<IModelProvider>(model) }, Ct);
        var world = await BudgetWorld.MakeAsync(host);
        var agent = await world.Tenant.Client.MakeAsync("/v1/agents", new { name = "puppet", model = "puppet/strings" }, Ct);
        world = world with { Agent = agent.Id() };
        await world.LimitAgentAsync(1_000_000);
        var (reason, error) = await world.RunAsync("hello");
        Assert.Equal("budget_reached", reason);
        Assert.StartsWith("The model puppet/strings has no price", error, StringComparison.Ordinal);
        Assert.Equal(0, await world.SpentAsync());
    }

    [Fact]
    public async Task An_answer_gets_as_long_as_there_is_money_for()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(100);
        var session = await world.SessionAsync();
        var (reason, error) = await world.RunAsync("!usage 20 500\n!text long", session);
        Assert.Equal("budget_reached", reason);
        Assert.StartsWith("The answer was cut where the money ended.", error, StringComparison.Ordinal);
        Assert.Equal(80, (await world.Tenant.Client.FetchAsync($"/v1/sessions/{session}", Ct)).GetProperty("usage").GetProperty("output_tokens").GetInt32());
        Assert.Equal(100, await world.SpentAsync());
    }

    [Fact]
    public async Task A_message_to_a_spent_budget_is_refused_at_the_door_for_good()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await BudgetWorld.SetAsync(host.Operator, $"/api/v1/tenants/{world.Tenant.Id}/budget", new { limit_micros = 100 });
        var session = await world.SessionAsync();
        await world.RunAsync("!usage 50 50\n!text all of it", session);
        Assert.Equal(100, await world.SpentAsync($"tenant:{world.Tenant.Id}"));

        var events = new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text = "more" } } } } };
        using var refused = await world.Tenant.Client.PostAsJsonAsync($"/v1/sessions/{session}/events", events, Ct);
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        Assert.Equal("false", refused.Headers.GetValues("x-should-retry").Single());
        Assert.False(refused.Headers.Contains("Retry-After"));
        var error = (await refused.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("error");
        Assert.Equal("billing_error", error.GetProperty("type").GetString());
        Assert.Contains("$0.0001 for the month, $0.0001 spent", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("The operator of this installation can raise it.", error.GetProperty("message").GetString(), StringComparison.Ordinal);

        using var made = await world.Tenant.Client.PostAsJsonAsync("/v1/sessions", new { agent = world.Agent, environment_id = world.Environment, initial_events = events.events }, Ct);
        Assert.Equal(HttpStatusCode.PaymentRequired, made.StatusCode);
    }

    [Fact]
    public async Task What_the_platform_may_spend_is_not_for_its_tenants_to_read()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await BudgetWorld.SetAsync(host.Operator, "/api/v1/budgets/platform", new { limit_micros = 87, period = "life" });
        var (reason, error) = await world.RunAsync("!usage 80 50\n!text x");
        Assert.Equal(("budget_reached", "The budget of this whole installation is used up. It does not begin anew. The operator of this installation can raise it."), (reason, error));
    }

    [Fact]
    public async Task The_budget_that_a_session_was_made_with_ends_it_and_can_be_raised()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        var session = await world.SessionAsync(new { type = "limit", max_list_cost = new { amount = "1", currency = "USD" } });
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 6000 3000\n!text x", session));
        Assert.Equal("budget_reached", (await world.RunAsync("!usage 6000 3000\n!text x", session)).StopReason);
        Assert.Equal(9000, await world.SpentAsync($"session_own:{session}"));

        await world.Tenant.Client.MakeAsync($"/v1/sessions/{session}", new { budget = new { type = "limit", max_list_cost = new { amount = "2", currency = "USD" } } }, Ct);
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 6000 3000\n!text x", session));
        await world.Tenant.Client.MakeAsync($"/v1/sessions/{session}", new { budget = (object?)null }, Ct);
        Assert.Equal(HttpStatusCode.NotFound, (await world.Tenant.Client.GetAsync($"/api/v1/budgets/session_own:{session}", Ct)).StatusCode);
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 6000 3000\n!text x", session));
    }

    [Fact]
    public async Task One_run_costs_no_more_than_its_agent_asks_for_or_the_tenant_lets_each_run_cost()
    {
        const string TwoSteps = "!usage 30 20\n!tool knowledge_search {\"query\":\"x\"}\n!usage 30 20\n!text done";
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host, new { micros = 90 });
        var (reason, error) = await world.RunAsync(TwoSteps);
        Assert.Equal("budget_reached", reason);
        Assert.StartsWith("The run may cost $0.00009, of which $0.00005 is spent", error, StringComparison.Ordinal);

        await BudgetWorld.SetAsync(world.Tenant.Client, "/api/v1/budgets/run", new { limit_micros = 49 });
        Assert.Equal("budget_reached", (await world.RunAsync(TwoSteps)).StopReason);
        await BudgetWorld.SetAsync(world.Tenant.Client, "/api/v1/budgets/run", new { limit_micros = 100 });
        var free = await BudgetWorld.MakeAsync(host);
        Assert.Equal("end_turn", (await free.RunAsync(TwoSteps)).StopReason);
    }

    [Fact]
    public async Task What_other_agents_do_for_a_run_counts_as_the_runs_and_on_its_sessions_budget()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.Tenant.Client.MakeAsync("/v1/agents", new { name = "helper", model = "insula/scripted" }, Ct);
        object[] configs = [new { name = "run_agent", enabled = true }];
        var asking = await world.Tenant.Client.MakeAsync(
            "/v1/agents", new { name = "asking", model = "insula/scripted", run_limits = new { micros = 200 }, tools = new object[] { new { type = "agent_toolset_20260401", configs } } }, Ct);
        var session = await (world with { Agent = asking.Id() }).SessionAsync(new { type = "limit", max_list_cost = new { amount = "1", currency = "USD" } });
        const string Help = "!usage 20 20\n!tool run_agent {\"agent\":\"helper\",\"prompt\":\"!usage 40 40\"}\n!usage 20 20\n!text done";
        Assert.Equal(("end_turn", null), await world.RunAsync(Help, session));
        Assert.Equal(160, await world.SpentAsync($"session_own:{session}"));
        var result = (await world.Tenant.Client.FetchAsync($"/v1/sessions/{session}/events?types=agent.tool_result", Ct)).GetProperty("data")[0];
        Assert.Equal(80, result.GetProperty("cost_micros").GetInt32());

        // The helper gets half of what is left of the run: 80, of which it may not spend more, and the run is short of its last call.
        var (reason, _) = await world.RunAsync(Help.Replace("!usage 20 20\n!text", "!usage 70 20\n!text", StringComparison.Ordinal), session);
        Assert.Equal("budget_reached", reason);
        await world.RunAsync(Help.Replace("40 40", "70 20", StringComparison.Ordinal), session);
        Assert.Equal(160 + 120 + 80, await world.SpentAsync($"session_own:{session}"));
    }

    [Fact]
    public async Task A_tool_that_has_a_price_is_called_only_when_there_is_money_for_it()
    {
        const string Call = "!usage 30 10\n!tool knowledge_search {\"query\":\"x\"}\n!usage 10 5\n!text done";
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await BudgetWorld.SetAsync(host.Operator, "/api/v1/prices", new { name = "tool_call", each_micros = 40_000_000 });
        await world.LimitAgentAsync(100);
        Assert.Equal(("end_turn", null), await world.RunAsync(Call));
        Assert.Equal(95, await world.SpentAsync());

        await world.LimitAgentAsync(140);
        var session = await world.SessionAsync();
        Assert.Equal("budget_reached", (await world.RunAsync(Call, session)).StopReason);
        Assert.Equal(135, await world.SpentAsync());
        var result = (await world.Tenant.Client.FetchAsync($"/v1/sessions/{session}/events?types=agent.tool_result", Ct)).GetProperty("data")[0];
        Assert.True(result.GetProperty("is_error").GetBoolean());
        Assert.False(result.TryGetProperty("outcome", out _));
    }

    [Fact]
    public async Task A_hundredth_of_a_budget_is_not_overspent_by_many_runs_at_once()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        const int Budget = 100_000;
        await world.LimitAgentAsync(Budget);
        await world.RunAsync($"!usage {Budget * 99 / 100} 0\n!text nearly all");

        var ends = await Task.WhenAll(Enumerable.Range(0, Runs).Select(_ => world.RunAsync("!sleep 5\n!usage 70 30\n!text x")));
        Assert.Equal(Math.Min(Runs, 10), ends.Count(static end => end.StopReason == "end_turn"));
        Assert.All(ends.Where(static end => end.StopReason != "end_turn"), static end => Assert.Equal("budget_reached", end.StopReason));
        Assert.Equal(Budget - 1000 + Math.Min(Runs, 10) * 100, await world.SpentAsync());
    }

    [Fact]
    public async Task Nobody_is_refused_while_the_true_cost_fits()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(Runs * 100 * 2);
        var ends = await Task.WhenAll(Enumerable.Range(0, Runs).Select(_ => world.RunAsync("!sleep 5\n!usage 70 30\n!text x")));
        Assert.All(ends, static end => Assert.Equal(("end_turn", null), end));
        Assert.Equal(Runs * 100, await world.SpentAsync());
    }
}

public sealed class BudgetRunsEmbeddedTests(EmbeddedStore store) : BudgetRunTests(store), IClassFixture<EmbeddedStore>;

public sealed class BudgetRunsOnPostgresTests(PostgresStore store) : BudgetRunTests(store), IClassFixture<PostgresStore>;
