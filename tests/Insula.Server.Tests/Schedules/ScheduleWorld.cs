using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Schedules;

/// <summary>A server whose time the test moves, and a tenant on it with an agent that plays scripts.</summary>
internal sealed class ScheduleWorld : IAsyncDisposable
{
    private ScheduleWorld(TestHost host, ManualClock clock, TestTenant tenant, string agent, string environment)
    {
        Host = host;
        Clock = clock;
        Tenant = tenant;
        Agent = agent;
        Environment = environment;
    }

    public TestHost Host { get; }

    public ManualClock Clock { get; }

    public TestTenant Tenant { get; }

    public HttpClient Client => Tenant.Client;

    public string Agent { get; }

    public string Environment { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<ScheduleWorld> StartAsync(string plan = "enterprise")
    {
        var clock = new ManualClock();
        var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("clockwork", Ct, plan);
        var agent = await tenant.Client.MakeAsync("/v1/agents", new { name = "scripted", model = "insula/scripted" }, Ct);
        var environment = await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct);
        return new ScheduleWorld(host, clock, tenant, agent.Id(), environment.Id());
    }

    /// <summary>Every minute, as the members given say otherwise.</summary>
    public Task<JsonElement> CreateAsync(string prompt, params (string Name, object? Value)[] members) => Client.MakeAsync("/api/v1/schedules", Body(prompt, members), Ct);

    public Dictionary<string, object?> Body(string prompt, params (string Name, object? Value)[] members)
    {
        var body = new Dictionary<string, object?> { ["name"] = "minutely", ["cron"] = "* * * * *", ["agent"] = Agent, ["environment"] = Environment, ["prompt"] = prompt };
        foreach (var (name, value) in members) body[name] = value;
        return body;
    }

    public async Task<JsonElement> RefusedAsync(HttpStatusCode status, Dictionary<string, object?> body)
    {
        using var answer = await Client.PostAsJsonAsync("/api/v1/schedules", body, Ct);
        Assert.Equal(status, answer.StatusCode);
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
    }

    public Task<JsonElement> PostAsync(string schedule, string verb) => Client.MakeAsync($"/api/v1/schedules/{schedule}/{verb}", new { }, Ct);

    /// <summary>The history, oldest first.</summary>
    public async Task<List<JsonElement>> HistoryAsync(string schedule) =>
        [.. (await Client.FetchAsync($"/api/v1/schedules/{schedule}/history?limit=100", Ct)).GetProperty("data").EnumerateArray().Reverse()];

    /// <summary>Lets time go by, slowly, until the history is as wanted: how fast this machine works does not matter.</summary>
    public async Task<List<JsonElement>> UntilAsync(string schedule, Func<List<JsonElement>, bool> wanted)
    {
        List<JsonElement> history = [];
        await PassAsync(async () => wanted(history = await HistoryAsync(schedule)), () => $"The history stays {string.Join(", ", Outcomes(history))}.");
        return history;
    }

    /// <summary>Goes to the next full minute and lets time go by until the moment has its outcome.</summary>
    public async Task<JsonElement> NextMinuteAsync(string schedule, bool pends = false)
    {
        var moment = new DateTimeOffset(Clock.GetUtcNow().Ticks / TimeSpan.TicksPerMinute * TimeSpan.TicksPerMinute, TimeSpan.Zero).AddMinutes(1);
        Clock.Advance(moment - Clock.GetUtcNow());
        var history = await UntilAsync(schedule, lines => lines.Exists(line => IsOf(line, moment) && (pends || line.GetProperty("outcome").GetString() != "pending")));
        return history.Find(line => IsOf(line, moment));
    }

    /// <summary>Lets time go by until the run in the session has ended.</summary>
    public Task IdleAsync(string session) => PassAsync(
        async () => (await Client.FetchAsync($"/v1/sessions/{session}/events?types[]=session.status_idle", Ct)).GetProperty("data").GetArrayLength() > 0, () => "The run goes on and on.");

    private static bool IsOf(JsonElement line, DateTimeOffset moment) => line.GetProperty("scheduled_for").GetDateTimeOffset() == moment;

    private async Task PassAsync(Func<Task<bool>> until, Func<string> otherwise)
    {
        for (var step = 0; step < 5_000; step++)
        {
            if (await until()) return;
            Clock.Advance(TimeSpan.FromMilliseconds(step < 20 ? 100 : 500));
            await Task.Delay(TimeSpan.FromMilliseconds(4), TimeProvider.System, Ct);
        }

        throw new InvalidOperationException(otherwise());
    }

    public static List<string> Outcomes(IEnumerable<JsonElement> history) => [.. history.Select(static line => line.GetProperty("outcome").GetString()!)];

    /// <summary>The texts of a session's events of one type.</summary>
    public async Task<List<string>> TextsAsync(string session, string type)
    {
        var events = await Client.FetchAsync($"/v1/sessions/{session}/events?limit=100", Ct);
        return [.. events.GetProperty("data").EnumerateArray().Where(e => e.GetProperty("type").GetString() == type).Select(static e => e.GetProperty("content")[0].GetProperty("text").GetString()!)];
    }

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}
