namespace Insula.Server.Tests.Commands;

public sealed class ForkCommandTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_is_forked_before_a_message_and_goes_on_with_another_one()
    {
        var shell = await server.TenantAsync("fork", Ct);
        await server.WriteAsync("scripted.yaml", "name: scripted\nmodel: insula/scripted\n", Ct);
        (await shell.RunAsync(Ct, "agent", "apply", "-f", "scripted.yaml")).Ok();
        var session = (await shell.RunAsync(Ct, "run", "!text one", "-o", "json")).Ok().Json.GetProperty("session_id").GetString()!;
        (await shell.RunAsync(Ct, "run", "!text two", "--resume", session)).Ok();

        var checkpoints = (await shell.RunAsync(Ct, "session", "checkpoints", session, "-o", "json")).Ok().Json.EnumerateArray().ToList();
        var at = checkpoints.First(static c => c.GetProperty("kind").GetString() is "before_message").GetProperty("seq").GetInt64();
        var shown = (await shell.RunAsync(Ct, "session", "fork", session, "--at", $"{at}", "--prompt", "!text instead")).Ok().Out;
        Assert.Contains(session, shown, StringComparison.Ordinal);

        var fork = (await shell.RunAsync(Ct, "session", "list", "-o", "json", "-n", "1")).Ok().Json[0].GetProperty("id").GetString()!;
        Assert.NotEqual(session, fork);
        var three = (await shell.RunAsync(Ct, "run", "!text three", "--resume", fork, "-o", "json")).Ok().Json;
        Assert.Equal("three", three.GetProperty("answer").GetString());
        var log = (await shell.RunAsync(Ct, "session", "tail", fork, "--no-follow")).Ok().Out;
        Assert.Contains($"{at + 1,5}  session.forked              of {session} at {at}", log, StringComparison.Ordinal);
        Assert.DoesNotContain("!text two", log, StringComparison.Ordinal);

        var rest = (await shell.RunAsync(Ct, "session", "tail", fork, "--no-follow", "--after", $"{at}")).Ok().Out;
        Assert.StartsWith($"{at + 1,5}  session.forked", rest, StringComparison.Ordinal);
        Assert.Equal(2, (await shell.RunAsync(Ct, "session", "tail", fork, "--no-follow", "--follow")).ExitCode);
    }
}
