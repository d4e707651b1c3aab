namespace Insula.Server.Tests.Commands;

public sealed class KnowledgeCommandsTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_folder_is_learnt_asked_and_forgotten()
    {
        var shell = await server.TenantAsync("knowledge", Ct);
        await server.WriteAsync("handbook/placement.md", "# Placement\n\nA placement is where a tenant's data lives.\n", Ct);
        await server.WriteAsync("handbook/hosting.txt", "Hosting is where the work of an agent runs.\n", Ct);
        await server.WriteAsync("handbook/blob.txt", "a\0b", Ct);

        var first = (await shell.RunAsync(Ct, "knowledge", "learn", "handbook/")).Ok().Out;
        Assert.Contains("new        handbook/placement.md  1 passage", first, StringComparison.Ordinal);
        Assert.Contains("skipped    handbook/blob.txt  not text", first, StringComparison.Ordinal);
        Assert.Contains("learned 2 files (2 new, 0 unchanged), 2 passages, 1 skipped", first, StringComparison.Ordinal);
        Assert.Contains("learned 2 files (0 new, 2 unchanged)", (await shell.RunAsync(Ct, "knowledge", "learn", "handbook")).Ok().Out, StringComparison.Ordinal);

        var answer = (await shell.RunAsync(Ct, "knowledge", "query", "What is a placement?", "-o", "json")).Ok().Json;
        Assert.Equal("handbook/placement.md", answer.GetProperty("citations")[0].GetProperty("source").GetString());
        var words = (await shell.RunAsync(Ct, "knowledge", "query", "What is a placement?")).Ok().Out;
        Assert.Contains("where a tenant's data lives", words, StringComparison.Ordinal);
        Assert.Contains("[1] handbook/placement.md › Placement", words, StringComparison.Ordinal);

        (await shell.RunAsync(Ct, "knowledge", "forget", "handbook/placement.md")).Ok();
        Assert.DoesNotContain("placement.md", (await shell.RunAsync(Ct, "knowledge", "list")).Ok().Out, StringComparison.Ordinal);
        Assert.Equal(4, (await shell.RunAsync(Ct, "knowledge", "forget", "handbook/placement.md")).ExitCode);
    }

    [Fact]
    public async Task A_file_that_the_server_refuses_fails_the_command_and_not_the_other_files()
    {
        var made = (await server.Operator().RunAsync(Ct, "tenant", "create", "small", "--limit", "storage_bytes=2000", "-o", "json")).Ok().Json;
        var shell = server.With(made.GetProperty("key").GetProperty("secret").GetString()!, server.Host.Url);
        await server.WriteAsync("small/big.txt", string.Concat(Enumerable.Repeat("Words that are many. ", 500)), Ct);
        await server.WriteAsync("small/fits.txt", "A few words.", Ct);

        var answer = await shell.RunAsync(Ct, "knowledge", "learn", "small", "-o", "json");

        Assert.Equal(1, answer.ExitCode);
        Assert.Equal(["failed", "new"], answer.Json.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task The_limit_for_learning_is_waited_out()
    {
        // 20 a minute with a burst of twice that: the last two files wait, about three seconds each.
        var made = (await server.Operator().RunAsync(Ct, "tenant", "create", "slow", "--plan", "enterprise", "--limit", "learn_per_minute=20", "-o", "json")).Ok().Json;
        var shell = server.With(made.GetProperty("key").GetProperty("secret").GetString()!, server.Host.Url);
        for (var i = 0; i < 42; i++) await server.WriteAsync($"slow/{i:000}.txt", $"File number {i}.", Ct);

        var answer = (await shell.RunAsync(Ct, "knowledge", "learn", "slow")).Ok();

        Assert.Contains("learned 42 files (42 new", answer.Out, StringComparison.Ordinal);
        Assert.Contains("Over the limit of 20", answer.Error, StringComparison.Ordinal);
    }
}
