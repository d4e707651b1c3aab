using System.Text.Json;

namespace Insula.Server.Tests.Commands;

public sealed class RunCommandTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Agent =
        """
        name: scripted
        model: insula/scripted
        tools:
          - type: custom
            name: lookup
            description: Looks something up
            input_schema: {type: object}
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_file_creates_then_changes_then_leaves_alone()
    {
        var shell = await server.TenantAsync("apply", Ct);
        var file = await server.WriteAsync("apply.yaml", Agent + "\nmetadata: {team: \"42\"}\n", Ct);

        Assert.StartsWith("created    scripted  agent_", (await shell.RunAsync(Ct, "agent", "apply", "-f", file)).Ok().Out, StringComparison.Ordinal);
        Assert.Contains("(version 1)", (await shell.RunAsync(Ct, "agent", "apply", "-f", file)).Ok().Out, StringComparison.Ordinal);

        await server.WriteAsync("apply.yaml", "name: scripted\nmodel: insula/scripted\nsystem: Be brief.\n", Ct);
        var after = (await shell.RunAsync(Ct, "agent", "apply", "-f", file, "-o", "json")).Ok().Json[0];
        Assert.Equal(2, after.GetProperty("version").GetInt32());
        Assert.Equal(0, after.GetProperty("tools").GetArrayLength());
        Assert.Empty(after.GetProperty("metadata").EnumerateObject());
    }

    [Fact]
    public async Task What_agent_show_prints_can_be_applied()
    {
        var shell = await ScriptedAsync("round trip");
        var shown = (await shell.RunAsync(Ct, "agent", "show", "scripted", "-o", "yaml")).Ok().Out;

        var applied = (await (shell with { Input = shown }).RunAsync(Ct, "agent", "apply", "-f", "-")).Ok().Out;

        Assert.StartsWith("unchanged", applied, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: [", "line 2")]
    [InlineData("- name: x", "not a map")]
    [InlineData("model: insula/reader", "no name")]
    [InlineData("", "empty")]
    public async Task A_file_that_is_no_agent_is_refused_with_the_reason(string text, string says)
    {
        var file = await server.WriteAsync("bad.yaml", text, Ct);

        var answer = await server.With("k", server.Host.Url).RunAsync(Ct, "agent", "apply", "-f", file);

        Assert.Equal(2, answer.ExitCode);
        Assert.Contains(says, answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_prints_the_answer_and_nothing_else()
    {
        var shell = await ScriptedAsync("answer");

        var answer = (await shell.RunAsync(Ct, "run", "!text first\n!text second")).Ok();

        Assert.Equal("first\nsecond\n", answer.Out.ReplaceLineEndings("\n"));
        Assert.Empty(answer.Error);
    }

    [Fact]
    public async Task Following_shows_the_same_words_and_tells_of_tools_on_the_side()
    {
        var shell = (await ScriptedAsync("follow")) with { Typed = "42\n" };

        var answer = (await shell.RunAsync(Ct, "run", "!text one\n!tool lookup {\"q\":1}\n!text two", "--follow")).Ok();

        Assert.Equal("one\ntwo\n", answer.Out.ReplaceLineEndings("\n"));
        Assert.Contains("→ lookup {\"q\":1}", answer.Error, StringComparison.Ordinal);
        Assert.Contains("Result: ", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_goes_on_with_a_second_prompt()
    {
        var shell = await ScriptedAsync("goes on");
        var first = (await shell.RunAsync(Ct, "run", "!text one", "-o", "json")).Ok().Json;
        var session = first.GetProperty("session_id").GetString()!;

        var second = (await shell.RunAsync(Ct, "run", "!text two", "--session", session, "-o", "json")).Ok().Json;

        Assert.Equal("two", second.GetProperty("answer").GetString());
        Assert.Equal(session, second.GetProperty("session_id").GetString());
    }

    [Fact]
    public async Task A_call_that_waits_with_nobody_there_ends_with_its_own_exit_code()
    {
        var shell = await ScriptedAsync("waits");

        var answer = await shell.RunAsync(Ct, "run", "!tool lookup {\"q\":1}", "-o", "json");

        Assert.Equal(7, answer.ExitCode);
        Assert.Equal("lookup", answer.Json.GetProperty("pending")[0].GetProperty("name").GetString());
        Assert.Contains("needs_action", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_fails_ends_the_command_with_the_reason()
    {
        var shell = await ScriptedAsync("fails");

        var answer = await shell.RunAsync(Ct, "run", "!error 400");

        Assert.Equal(1, answer.ExitCode);
        Assert.Contains("400", answer.Error, StringComparison.Ordinal);
        Assert.Contains("insula session tail sesn_", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_in_an_answer_do_not_reach_the_terminal()
    {
        var shell = await ScriptedAsync("escape");

        foreach (var follow in new[] { false, true })
        {
            string[] args = follow ? ["run", "!text a\u001b[2Jb", "--follow"] : ["run", "!text a\u001b[2Jb"];
            Assert.Equal("a\uFFFD[2Jb\n", (await shell.RunAsync(Ct, args)).Ok().Out.ReplaceLineEndings("\n"));
        }
    }

    [Fact]
    public async Task Ctrl_C_interrupts_the_run_on_the_server()
    {
        var shell = await ScriptedAsync("interrupt");
        using var ctrlC = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = shell.RunAsync(ctrlC.Token, "run", "!text begun\n!sleep 600000\n!text never", "--follow");
        var session = await FirstRunningSessionAsync(shell);

        await ctrlC.CancelAsync();
        var answer = await running;

        Assert.Equal(130, answer.ExitCode);
        Assert.Contains($"insula session show {session}", answer.Error, StringComparison.Ordinal);
        var log = (await shell.RunAsync(Ct, "session", "tail", session, "--no-follow")).Ok().Out;
        Assert.Contains("user.interrupt", log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(700)]
    [InlineData(1100)]
    [InlineData(1500)]
    [InlineData(2100)]
    [InlineData(2900)]
    [InlineData(3700)]
    public async Task A_connection_that_breaks_off_loses_and_repeats_nothing(int cutAfterBytes)
    {
        var direct = await ScriptedAsync("cut");
        await using var proxy = new CuttingProxy(server.Host.Url.Port, cutAfterBytes);
        var shell = server.With(direct.Variables["INSULA_KEY"], proxy.Url) with { Typed = string.Concat(Enumerable.Repeat("found\n", 8)) };
        var script = string.Concat(Enumerable.Range(1, 8).Select(i => $"!text line {i}\n!tool lookup {{\"i\":{i}}}\n")) + "!text end";

        var answer = (await shell.RunAsync(Ct, "run", script, "--follow")).Ok();

        Assert.Equal(1, proxy.Cuts);
        Assert.Equal([.. Enumerable.Range(1, 8).Select(i => $"line {i}"), "end"], answer.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()));
    }

    [Fact]
    public async Task A_log_is_printed_in_order_and_one_event_a_line_as_json()
    {
        var shell = await ScriptedAsync("log");
        var session = (await shell.RunAsync(Ct, "run", "!text hello", "-o", "json")).Ok().Json.GetProperty("session_id").GetString()!;

        var lines = (await shell.RunAsync(Ct, "session", "tail", session, "--no-follow", "-o", "json")).Ok().Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var types = lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("type").GetString()).ToList();
        Assert.Equal("user.message", types[0]);
        Assert.Equal("session.status_idle", types[^1]);
        var last = (await shell.RunAsync(Ct, "session", "tail", session, "--no-follow", "--after", (lines.Length - 1).ToString())).Ok().Out;
        Assert.StartsWith($"{lines.Length,5}  session.status_idle", last, StringComparison.Ordinal);
        Assert.Contains(session, (await shell.RunAsync(Ct, "session", "list", "--agent", "scripted")).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_without_an_agent_is_told_how_to_make_one()
    {
        var answer = await (await server.TenantAsync("empty", Ct)).RunAsync(Ct, "run", "hello");

        Assert.Equal(4, answer.ExitCode);
        Assert.Contains("insula agent apply", answer.Error, StringComparison.Ordinal);
    }

    private async Task<Shell> ScriptedAsync(string tenant)
    {
        var shell = await server.TenantAsync(tenant, Ct);
        await server.WriteAsync("scripted.yaml", Agent, Ct);
        (await shell.RunAsync(Ct, "agent", "apply", "-f", "scripted.yaml")).Ok();
        return shell;
    }

    private static async Task<string> FirstRunningSessionAsync(Shell shell)
    {
        while (true)
        {
            var running = (await shell.RunAsync(Ct, "session", "list", "--status", "running", "-o", "json")).Ok().Json;
            if (running.GetArrayLength() > 0) return running[0].GetProperty("id").GetString()!;
            await Task.Yield();
        }
    }
}
