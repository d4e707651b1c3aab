using System.Text.Json;
using Insula.Agents.Models;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;
using Insula.TestKit.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Budgets;

/// <summary>What is held while an answer streams: it follows what the provider says, and an answer that costs more is cut.</summary>
public abstract class BudgetStreamTests(TestStore store)
{
    /// <summary>Digits are many tokens by the estimate, and one to a thousand of them are what a provider may count.</summary>
    private static readonly string Long = new('7', 60_000);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_begins_with_what_another_one_gives_back_when_its_provider_says_what_it_took_in()
    {
        var model = new PuppetModel();
        await using var host = await StartAsync(model);
        var world = await PuppetAsync(host);
        await world.LimitAgentAsync(1_000_000);
        var first = world.RunAsync(Long);
        var answering = await model.NextCallAsync(Ct);
        var held = await HeldAsync(world);
        Assert.True(held > 40_000, $"only {held} held");

        // Not even a short answer fits beside that.
        await world.LimitAgentAsync(held + 20);
        var second = world.RunAsync("short");
        while (!await SaysAsync(host, "insula_budget_waits_total 1\n")) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        Assert.False(model.WasCalled);

        answering.Reports(new TokenUsage(5000, 1, 0, 0)).Says("slow");
        var begun = await model.NextCallAsync(Ct);
        Assert.False(first.IsCompleted);
        Assert.Equal(answering.Request.MaxTokens, begun.Request.MaxTokens);
        Assert.False(begun.Request.IsCapped);

        begun.Ends(new TokenUsage(40, 100, 0, 0));
        Assert.Equal(("end_turn", null), await second);
        answering.Ends(new TokenUsage(5000, 3000, 0, 0));
        Assert.Equal(("end_turn", null), await first);
        Assert.Equal(8140, await world.SpentAsync());
        Assert.True(await SaysAsync(host, "insula_budget_shrinks_total 1\n"));
        Assert.False(await SaysAsync(host, "insula_budget_overruns_total 1\n"));
    }

    [Fact]
    public async Task An_answer_that_does_not_heed_its_limit_is_cut_and_the_run_says_why()
    {
        var model = new PuppetModel();
        await using var host = await StartAsync(model);
        var world = await PuppetAsync(host);
        await world.LimitAgentAsync(2500);
        var session = await world.SessionAsync();
        var run = world.RunAsync("hi", session);
        var call = await model.NextCallAsync(Ct);
        var max = call.Request.MaxTokens;
        Assert.InRange(max, 64, 2490);

        call.Calls("knowledge_search", """{"query":"x"}""").Reports(new TokenUsage(20, 1, 0, 0));
        for (var i = 0; i < max; i++) call.Says($"w{i} ");
        while ((await LogAsync(world, session)).GetArrayLength() < 3) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        Assert.False(call.Left.Task.IsCompleted || run.IsCompleted);
        call.Says("more ").Says("never");
        await call.Left.Task.WaitAsync(TimeSpan.FromSeconds(60), Ct);

        var (reason, error) = await run;
        Assert.Equal("budget_reached", reason);
        Assert.StartsWith($"The answer was cut: puppet/strings put out more than the {max} tokens that it was asked for at most", error, StringComparison.Ordinal);
        var log = (await LogAsync(world, session)).EnumerateArray().ToList();
        Assert.Equal(
            ["user.message", "session.status_running", "span.model_request_start", "agent.message", "span.model_request_end", "session.error", "session.status_idle"],
            log.Select(static e => e.GetProperty("type").GetString()));
        Assert.EndsWith($"w{max - 1} more ", log[3].GetProperty("content")[0].GetProperty("text").GetString(), StringComparison.Ordinal);
        var end = log[4];
        Assert.True(end.GetProperty("is_error").GetBoolean());
        Assert.Equal(20, end.GetProperty("model_usage").GetProperty("input_tokens").GetInt64());
        var output = end.GetProperty("model_usage").GetProperty("output_tokens").GetInt64();
        Assert.True(output > max, $"{output} of {max}");
        Assert.Equal(20 + output, await world.SpentAsync());
        Assert.True(await SaysAsync(host, "insula_budget_cuts_total 1\n"));
        Assert.True(await SaysAsync(host, "insula_budget_overruns_total 1\n"));
    }

    [Fact]
    public async Task Runs_that_give_back_as_they_stream_spend_no_more_than_there_is_and_none_is_refused()
    {
        const int Runs = 12;
        var model = new PuppetModel();
        await using var host = await StartAsync(model);
        var world = await PuppetAsync(host);
        await world.LimitAgentAsync(75_000);
        var random = new Random(20261122);
        var runs = Enumerable.Range(0, Runs).Select(_ => world.RunAsync(Long)).ToArray();
        var spent = 0L;
        (PuppetCall Call, TokenUsage Used)? before = null;
        for (var i = 0; i < Runs; i++)
        {
            // Each goes on until the next one has begun: there is money for the two only since the first gave back.
            var call = await model.NextCallAsync(Ct);
            var used = new TokenUsage(random.Next(500, 1000), random.Next(1, 1000), 0, 0);
            call.Reports(used with { Output = 1 }).Says("word ");
            before?.Call.Ends(before.Value.Used);
            (before, spent) = ((call, used), spent + used.Input + used.Output);
        }

        before!.Value.Call.Ends(before.Value.Used);
        foreach (var run in runs) Assert.Equal(("end_turn", null), await run);
        Assert.Equal(spent, await world.SpentAsync());
    }

    private Task<TestHost> StartAsync(PuppetModel model) => store.StartAsync(new TestHostOptions { Services = services => services.AddSingleton<IModelProvider>(model) }, Ct);

    /// <summary>A world whose agent is a puppet that costs a micro-dollar for each token.</summary>
    private static async Task<BudgetWorld> PuppetAsync(TestHost host)
    {
        var world = await BudgetWorld.MakeAsync(host);
        await BudgetWorld.SetAsync(host.Operator, "/api/v1/prices", new { name = "puppet/strings", input_micros = 1_000_000, output_micros = 1_000_000 });
        return world with { Agent = (await world.Tenant.Client.MakeAsync("/v1/agents", new { name = "puppet", model = "puppet/strings" }, Ct)).Id() };
    }

    private static async Task<long> HeldAsync(BudgetWorld world) =>
        (await world.Tenant.Client.FetchAsync($"/api/v1/budgets/agent:{world.Agent}", Ct)).GetProperty("held_micros").GetInt64();

    private static async Task<JsonElement> LogAsync(BudgetWorld world, string session) =>
        (await world.Tenant.Client.FetchAsync($"/v1/sessions/{session}/events?limit=1000", Ct)).GetProperty("data");

    private static async Task<bool> SaysAsync(TestHost host, string metric) =>
        (await host.Operator.GetStringAsync("/metrics", Ct)).Contains(metric, StringComparison.Ordinal);
}

public sealed class BudgetStreamsEmbeddedTests(EmbeddedStore store) : BudgetStreamTests(store), IClassFixture<EmbeddedStore>;

public sealed class BudgetStreamsOnPostgresTests(PostgresStore store) : BudgetStreamTests(store), IClassFixture<PostgresStore>;
