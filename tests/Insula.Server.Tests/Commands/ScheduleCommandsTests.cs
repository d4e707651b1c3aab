using Insula.Server.Tests.ManagedAgents;

namespace Insula.Server.Tests.Commands;

public sealed class ScheduleCommandsTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_schedule_is_made_shown_paused_triggered_and_deleted()
    {
        var shell = await server.TenantAsync("schedules", Ct);
        using var client = server.Host.Client(shell.Variables["INSULA_KEY"]);
        await client.MakeAsync("/v1/agents", new { name = "scripted", model = "insula/scripted" }, Ct);

        var made = (await shell.RunAsync(Ct, "schedule", "create", "digest", "30 7 * * mon-fri", "!text hi", "--time-zone", "Europe/Zurich", "--overlap", "queue", "--ends", "30d", "-o", "json")).Ok().Json;
        var id = made.GetProperty("id").GetString()!;
        Assert.Equal(("queue", "Europe/Zurich"), (made.GetProperty("overlap").GetString(), made.GetProperty("time_zone").GetString()));
        Assert.Contains("digest", (await shell.RunAsync(Ct, "schedule", "list")).Ok().Out, StringComparison.Ordinal);
        Assert.Equal(4, (await shell.RunAsync(Ct, "schedule", "show", id, "--preview", "4", "-o", "json")).Ok().Json.GetProperty("next_fires").GetArrayLength());
        Assert.False((await shell.RunAsync(Ct, "schedule", "pause", id, "-o", "json")).Ok().Json.GetProperty("enabled").GetBoolean());
        Assert.True((await shell.RunAsync(Ct, "schedule", "resume", id, "-o", "json")).Ok().Json.GetProperty("enabled").GetBoolean());

        (await shell.RunAsync(Ct, "schedule", "trigger", id)).Ok();
        var history = "";
        for (var look = 0; look < 1000 && !history.Contains("fired", StringComparison.Ordinal); look++)
        {
            history = (await shell.RunAsync(Ct, "schedule", "history", id)).Ok().Out;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
        }

        Assert.Contains("manual", history, StringComparison.Ordinal);
        Assert.Contains("sesn_", history, StringComparison.Ordinal);
        (await shell.RunAsync(Ct, "schedule", "delete", id)).Ok();
        Assert.Equal(4, (await shell.RunAsync(Ct, "schedule", "show", id)).ExitCode);
        Assert.Contains("The hour '25'", (await shell.RunAsync(Ct, "schedule", "create", "x", "0 25 * * *", "p")).Error, StringComparison.Ordinal);
    }
}
