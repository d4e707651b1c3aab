using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;
using static Insula.Server.Tests.Schedules.ScheduleWorld;

namespace Insula.Server.Tests.Schedules;

public sealed class ScheduleEndpointTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_schedule_makes_a_session_at_its_time_and_the_history_names_the_run()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!text tick", ("cron", "5 0 * * *"), ("time_zone", "Europe/Zurich"), ("metadata", new { team = "ops" }));
        Assert.Equal("2030-01-01T23:05:00+00:00", made.GetProperty("next_fire_at").GetString());
        var shown = await world.Client.FetchAsync($"/api/v1/schedules/{made.Id()}?preview=3", Ct);
        Assert.Equal(["2030-01-01T23:05:00+00:00", "2030-01-02T23:05:00+00:00", "2030-01-03T23:05:00+00:00"], shown.GetProperty("next_fires").EnumerateArray().Select(static moment => moment.GetString()));

        world.Clock.Advance(new TimeSpan(23, 4, 59));
        var line = Assert.Single(await world.UntilAsync(made.Id(), static history => history.Exists(static line => line.GetProperty("run_id").ValueKind == JsonValueKind.String)));
        Assert.Equal(("fired", "2030-01-01T23:05:00+00:00", "schedule"), (line.GetProperty("outcome").GetString(), line.GetProperty("scheduled_for").GetString(), line.GetProperty("trigger").GetString()));
        var session = await world.Client.FetchAsync($"/v1/sessions/{line.GetProperty("session_id").GetString()}", Ct);
        Assert.Equal(("minutely", "ops"), (session.GetProperty("title").GetString(), session.GetProperty("metadata").GetProperty("team").GetString()));
        Assert.Equal(made.Id(), session.GetProperty("metadata").GetProperty("insula_schedule").GetString());
        Assert.Equal(["!text tick"], await world.TextsAsync(session.Id(), "user.message"));

        var audit = await world.Client.FetchAsync("/api/v1/audit", Ct);
        Assert.Contains(audit.GetProperty("data").EnumerateArray(), static entry => entry.GetProperty("action").GetString() == "session.create" && entry.GetRawText().Contains("schedule", StringComparison.Ordinal));
        using var metrics = await world.Host.Operator.GetAsync(new Uri("/metrics", UriKind.Relative), Ct);
        Assert.Contains("insula_schedule_moments_total{outcome=\"fired\"} 1", await metrics.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_schedule_sends_to_a_session_that_is_there()
    {
        await using var world = await StartAsync();
        var session = await world.Client.MakeAsync("/v1/sessions", new { agent = world.Agent, environment_id = world.Environment }, Ct);
        var made = await world.CreateAsync("!text again", ("session", session.Id()), ("agent", null), ("environment", null));
        for (var minute = 0; minute < 2; minute++)
        {
            var line = await world.NextMinuteAsync(made.Id());
            Assert.Equal(session.Id(), line.GetProperty("session_id").GetString());
            await world.UntilAsync(made.Id(), history => history.TrueForAll(static line => line.GetProperty("run_id").ValueKind == JsonValueKind.String));
        }

        Assert.Equal(2, (await world.HistoryAsync(made.Id())).Select(static line => line.GetProperty("run_id").GetString()).Distinct().Count());
        Assert.Equal(["!text again", "!text again"], await world.TextsAsync(session.Id(), "user.message"));
    }

    [Fact]
    public async Task While_a_run_is_open_the_policy_skip_lets_moments_go()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!sleep 150000", ("overlap", "skip"));
        var first = await world.NextMinuteAsync(made.Id());
        var second = await world.NextMinuteAsync(made.Id());
        Assert.Equal(["fired", "skipped_overlap"], Outcomes([first, second]));
        Assert.Contains("2030-01-01 00:01:00Z is still open", second.GetProperty("reason").GetString(), StringComparison.Ordinal);
        await world.IdleAsync(first.GetProperty("session_id").GetString()!);
        Assert.Equal("fired", (await world.NextMinuteAsync(made.Id())).GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task While_a_run_is_open_the_policy_interrupt_ends_it()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!sleep 900000", ("overlap", "interrupt"));
        var first = await world.NextMinuteAsync(made.Id());
        await world.UntilAsync(made.Id(), static history => history[0].GetProperty("run_id").ValueKind == JsonValueKind.String);
        var second = await world.NextMinuteAsync(made.Id());
        Assert.Equal(["fired", "fired"], Outcomes([first, second]));
        await world.IdleAsync(first.GetProperty("session_id").GetString()!);
        Assert.True(world.Clock.GetUtcNow() < second.GetProperty("scheduled_for").GetDateTimeOffset().AddMinutes(10), "The first run was left to end by itself.");
    }

    [Fact]
    public async Task While_a_run_is_open_the_policy_queue_waits_for_its_end()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!sleep 150000", ("overlap", "queue"), ("ends_at", "2030-01-01T00:02:00Z"));
        var first = await world.NextMinuteAsync(made.Id());
        var second = await world.NextMinuteAsync(made.Id(), pends: true);
        Assert.Equal(["fired", "pending"], Outcomes([first, second]));
        var history = await world.UntilAsync(made.Id(), static history => Outcomes(history).SequenceEqual(["fired", "fired"]));
        Assert.True(history[1].GetProperty("settled_at").GetDateTimeOffset() >= first.GetProperty("settled_at").GetDateTimeOffset().AddSeconds(150), "It did not wait.");
    }

    [Theory]
    [InlineData("skip", "skipped_missed", "fired")]
    [InlineData("run_once", "skipped_missed", "fired", "fired")]
    [InlineData("run_all", "skipped_missed", "fired", "fired", "fired", "fired", "fired", "fired", "fired", "fired", "fired", "fired", "fired")]
    public async Task A_suspended_tenant_fires_nothing_and_afterwards_the_policy_for_missed_moments_holds(string policy, params string[] outcomes)
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!text tick", ("missed", policy), ("overlap", "interrupt"));
        await world.Host.Operator.MakeAsync($"/api/v1/tenants/{world.Tenant.Id}/suspend", new { }, Ct);
        world.Clock.Advance(TimeSpan.FromSeconds(30 * 60));
        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct);
        await world.Host.Operator.MakeAsync($"/api/v1/tenants/{world.Tenant.Id}/resume", new { }, Ct);
        var history = await world.UntilAsync(made.Id(), history => Outcomes(history).Count(static outcome => outcome != "pending") >= outcomes.Length);
        Assert.Equal(outcomes, Outcomes(history).Take(outcomes.Length));
        Assert.Equal(29 - outcomes.Length + 2, history[0].GetProperty("moments").GetInt64());
    }

    [Fact]
    public async Task A_pause_fires_nothing_and_misses_nothing_and_a_trigger_fires_once()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!text tick", ("missed", "run_all"), ("overlap", "interrupt"));
        var paused = await world.PostAsync(made.Id(), "pause");
        Assert.Equal((false, JsonValueKind.Null), (paused.GetProperty("enabled").GetBoolean(), paused.GetProperty("next_fire_at").ValueKind));
        Assert.Single((await world.Client.FetchAsync("/api/v1/schedules?enabled=false", Ct)).GetProperty("data").EnumerateArray());
        Assert.Empty((await world.Client.FetchAsync("/api/v1/schedules?enabled=true", Ct)).GetProperty("data").EnumerateArray());
        world.Clock.Advance(TimeSpan.FromHours(1));

        var asked = await world.PostAsync(made.Id(), "trigger");
        Assert.Equal(("pending", "manual"), (asked.GetProperty("outcome").GetString(), asked.GetProperty("trigger").GetString()));
        var line = Assert.Single(await world.UntilAsync(made.Id(), static history => Outcomes(history).Contains("fired")));
        Assert.Equal(asked.Id(), line.Id());

        await world.PostAsync(made.Id(), "resume");
        await world.NextMinuteAsync(made.Id());
        Assert.Equal(["fired", "fired"], Outcomes(await world.HistoryAsync(made.Id())));
        Assert.Single((await world.Client.FetchAsync($"/api/v1/schedules/{made.Id()}/history?outcome=fired&limit=1", Ct)).GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task An_update_counts_its_times_from_now_and_an_end_ends_it()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!text tick");
        using var changed = await world.Client.PatchAsJsonAsync($"/api/v1/schedules/{made.Id()}", new { cron = "*/5 * * * *", ends_at = "2030-01-01T00:07:00Z", prompt = "!text tock" }, Ct);
        var view = await changed.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal("2030-01-01T00:05:00+00:00", view.GetProperty("next_fire_at").GetString());
        world.Clock.Advance(TimeSpan.FromSeconds(299));
        var line = Assert.Single(await world.UntilAsync(made.Id(), static history => Outcomes(history).Contains("fired")));
        Assert.Equal(["!text tock"], await world.TextsAsync(line.GetProperty("session_id").GetString()!, "user.message"));
        Assert.Equal(JsonValueKind.Null, (await world.Client.FetchAsync($"/api/v1/schedules/{made.Id()}", Ct)).GetProperty("next_fire_at").ValueKind);

        using var open = await world.Client.PatchAsJsonAsync($"/api/v1/schedules/{made.Id()}", new { ends_at = (string?)null }, Ct);
        Assert.Equal("2030-01-01T00:10:00+00:00", (await open.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("next_fire_at").GetString());
    }

    [Fact]
    public async Task A_firing_that_cannot_be_says_why_and_a_deleted_schedule_is_gone()
    {
        await using var world = await StartAsync();
        var made = await world.CreateAsync("!text tick");
        await world.Client.MakeAsync($"/v1/agents/{world.Agent}/archive", new { }, Ct);
        var line = await world.NextMinuteAsync(made.Id());
        Assert.Equal("failed", line.GetProperty("outcome").GetString());
        Assert.StartsWith("agent_archived: ", line.GetProperty("reason").GetString(), StringComparison.Ordinal);

        using var deleted = await world.Client.DeleteAsync(new Uri($"/api/v1/schedules/{made.Id()}", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        using var missing = await world.Client.GetAsync(new Uri($"/api/v1/schedules/{made.Id()}/history", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task What_a_schedule_may_not_be_is_refused_by_name()
    {
        await using var world = await StartAsync("free");
        var often = await world.RefusedAsync(HttpStatusCode.BadRequest, world.Body("p", ("cron", "*/4 * * * *")));
        Assert.Equal("schedule_too_often", often.GetProperty("code").GetString());
        Assert.Contains("schedule_interval_seconds", often.GetProperty("detail").GetString(), StringComparison.Ordinal);
        foreach (var (name, value) in new (string, object?)[] { ("cron", "61 * * * *"), ("time_zone", "Nowhere"), ("session", "sesn_3nobodyHasThisId345678"), ("name", " "), ("prompt", ""), ("missed", "sometimes"), ("ends_at", "2020-01-01") })
        {
            using var answer = await world.Client.PostAsJsonAsync("/api/v1/schedules", world.Body("p", ("cron", "@daily"), ("starts_at", "2021-01-01T00:00:00Z"), (name, value)), Ct);
            Assert.True((int)answer.StatusCode is 400 or 404, $"{name}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Ct)}");
        }

        await world.RefusedAsync(HttpStatusCode.NotFound, world.Body("p", ("cron", "@daily"), ("agent", "agent_3nobodyHasThisId345678")));
    }

    [Fact]
    public async Task A_tenant_has_as_many_schedules_as_its_plan_allows()
    {
        await using var world = await StartAsync("free");
        for (var i = 0; i < 5; i++) await world.CreateAsync("p", ("cron", "@daily"));
        var refused = await world.RefusedAsync(HttpStatusCode.Forbidden, world.Body("p", ("cron", "@daily")));
        Assert.Equal("schedule_limit_reached", refused.GetProperty("code").GetString());
        Assert.Equal(5, (await world.Client.FetchAsync("/api/v1/schedules?limit=10", Ct)).GetProperty("data").GetArrayLength());
    }
}
