using System.Globalization;
using System.Net.Http.Json;
using Insula.EndToEnd.Crashes;
using Insula.TestKit;
using Insula.TestKit.Processes;
using Insula.TestKit.Upstream;

namespace Insula.EndToEnd.Budgets;

/// <summary>
/// Runs at once whose true cost is half of the budget, on a model server of which nobody knows beforehand what it will use: a
/// single call's worst cost is more than the whole budget, so each has to wait for what the others hold and make do with less.
/// </summary>
public sealed class BudgetLoadTests(ITestOutputHelper output)
{
    private static readonly int Runs = int.Parse(Environment.GetEnvironmentVariable("INSULA_TEST_BUDGET_RUNS") ?? "24", CultureInfo.InvariantCulture);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_load_that_costs_half_of_the_budget_meets_no_refusal_and_leaves_no_hold()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "plans.yaml"), "prices: { openai/fake-*: { input: 1, output: 10 } }", Ct);
        await using var upstream = await FakeUpstream.StartAsync(Ct);
        var micros = (upstream.Otherwise.InputTokens * 1) + (upstream.Otherwise.OutputTokens * 10);
        await using var node = await InsulaProcess.StartAsync(folder.Path, Ct, ("INSULA_OPENAI_BASE_URL", upstream.OpenAIUrl.ToString()), ("INSULA_OPENAI_API_KEY", "sk-test"));
        using var platform = node.Client(node.Started.OperatorKey!);
        var (tenant, key) = await platform.CreateTenantAsync("load", Ct);
        var limit = Math.Max(2 * Runs * micros, 2_000);
        using (var set = await platform.PutAsJsonAsync($"/api/v1/tenants/{tenant}/budget", new { limit_micros = limit }, Ct)) Assert.True(set.IsSuccessStatusCode);

        using var client = node.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("openai/fake-small", Ct);
        var ends = await Task.WhenAll(Enumerable.Range(0, Runs).Select(_ => RunAsync(client, agent, environment)));
        Assert.All(ends, static end => Assert.Equal("end_turn", end));

        while (true)
        {
            var budget = await client.GetObjectAsync($"/api/v1/budgets/tenant:{tenant}", Ct);
            if ((long)budget["held_micros"]! > 0) continue;
            Assert.Equal(Runs * micros, (long)budget["spent_micros"]!);
            output.WriteLine($"{Runs} runs of {micros} micro-dollars with {limit}: none refused, {budget["spent_micros"]} spent, {budget["held_micros"]} held.");
            break;
        }

        // Each was told how long its answer may be: what was held, and not what the installation allows.
        Assert.Contains(upstream.Requests, static request => request.Body.GetRawText().Contains("max_", StringComparison.Ordinal) && !request.Body.GetRawText().Contains("8192", StringComparison.Ordinal));
    }

    private static async Task<string> RunAsync(HttpClient client, string agent, string environment)
    {
        var session = await client.CreateSessionAsync(agent, environment, Ct);
        await client.SendAsync(session, "Say something.", Ct);
        return (string)(await SettledLogs.ReadAsync(client, session, Ct))[^1].Data["stop_reason"]!["type"]!;
    }
}
