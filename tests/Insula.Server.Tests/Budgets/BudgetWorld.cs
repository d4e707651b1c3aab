using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Budgets;

/// <summary>A tenant whose scripted agent costs a micro-dollar for each token that it reports.</summary>
internal sealed record BudgetWorld(TestHost Host, TestTenant Tenant, string Agent, string Environment)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<BudgetWorld> MakeAsync(TestHost host, object? runLimits = null)
    {
        await SetAsync(host.Operator, "/api/v1/prices", new { name = "insula/scripted", input_micros = 1_000_000, output_micros = 1_000_000 });
        var tenant = await host.CreateTenantAsync("t", Ct);
        var agent = await tenant.Client.MakeAsync("/v1/agents", new { name = "a", model = "insula/scripted", run_limits = runLimits, tools = new[] { new { type = "agent_toolset_20260401" } } }, Ct);
        var environment = await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct);
        return new(host, tenant, agent.Id(), environment.Id());
    }

    public static async Task<JsonElement> SetAsync(HttpClient caller, string path, object body)
    {
        using var answer = await caller.PutAsJsonAsync(path, body, Ct);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Ct));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
    }

    public Task LimitAgentAsync(long micros) => SetAsync(Tenant.Client, $"/api/v1/budgets/agent:{Agent}", new { limit_micros = micros, period = "life" });

    public async Task<string> SessionAsync(object? budget = null) =>
        (await Tenant.Client.MakeAsync("/v1/sessions", new { agent = Agent, environment_id = Environment, budget }, Ct)).Id();

    /// <summary>Says it in a session of its own, and gives the last event and the error before it, if there was one.</summary>
    public async Task<(string StopReason, string? Error)> RunAsync(string text, string? session = null)
    {
        session ??= await SessionAsync();
        var page = await Tenant.Client.FetchAsync($"/v1/sessions/{session}/events?limit=1000", Ct);
        using var reader = await EventReader.OpenAsync(Tenant.Client, session, after: page.GetProperty("data").GetArrayLength(), Ct);
        await Tenant.Client.SayAsync(session, text, Ct);
        var events = await reader.UntilAsync("session.status_idle", Ct);
        var error = events.LastOrDefault(static e => e.Type == "session.error")?.Json.GetProperty("error").GetProperty("message").GetString();
        return (events[^1].Json.GetProperty("stop_reason").GetProperty("type").GetString()!, error);
    }

    /// <summary>The budget, once nothing is held any more.</summary>
    public async Task<JsonElement> SettledAsync(string id, HttpClient? caller = null)
    {
        while (true)
        {
            var budget = await (caller ?? Tenant.Client).FetchAsync($"/api/v1/budgets/{id}", Ct);
            if (budget.GetProperty("held_micros").GetInt64() == 0) return budget;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Ct);
        }
    }

    public async Task<long> SpentAsync(string? id = null) => (await SettledAsync(id ?? $"agent:{Agent}")).GetProperty("spent_micros").GetInt64();
}
