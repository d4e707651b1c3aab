using System.Text.Json;
using Insula.TestKit;

namespace Insula.Server.Tests.Commands;

/// <summary>What the command line says without any server.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tennant", "'insula' does not know 'tennant'. Did you mean 'tenant'?")]
    [InlineData("tenant crate", "'insula tenant' does not know 'crate'. Did you mean 'create'?")]
    [InlineData("tenant list --stat active", "'insula tenant list' does not know '--stat'. Did you mean '--status'?")]
    [InlineData("tenant", "'insula tenant' needs a verb: create, list, show, update, suspend, resume, billing.")]
    [InlineData("run", "'insula run' needs <prompt>")]
    [InlineData("run hello -o xml", "xml")]
    public async Task A_wrong_line_is_refused_with_what_is_meant(string line, string says)
    {
        var answer = await RunAsync(line.Split(' '));

        Assert.Equal(2, answer.ExitCode);
        Assert.Contains(says, answer.Error, StringComparison.Ordinal);
        Assert.Contains("--help'", answer.Error, StringComparison.Ordinal);
        Assert.Empty(answer.Out);
    }

    [Fact]
    public async Task Without_a_server_the_error_says_how_to_get_one()
    {
        var answer = await RunAsync("run", "hello");

        Assert.Equal(6, answer.ExitCode);
        Assert.Contains(Path.Combine(_folder.Path, "data"), answer.Error, StringComparison.Ordinal);
        Assert.Contains("insula up", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_named()
    {
        var answer = await RunAsync("session", "list", "--url", "http://127.0.0.1:9", "--key", "k");

        Assert.Equal(6, answer.ExitCode);
        Assert.Contains("http://127.0.0.1:9", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operator_command_asks_for_the_operator_key_and_not_for_the_demo_key()
    {
        await WriteLocalAsync("http://127.0.0.1:9", "sk_tenant_demo");

        var answer = await RunAsync("tenant", "list");

        Assert.Equal(3, answer.ExitCode);
        Assert.Contains("operator key", answer.Error, StringComparison.Ordinal);
        Assert.Contains("INSULA_KEY", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_key_of_the_local_file_goes_to_no_other_address()
    {
        await WriteLocalAsync("http://127.0.0.1:9", "sk_tenant_demo");

        var elsewhere = await RunAsync("session", "list", "--url", "http://127.0.0.1:10");
        var there = await RunAsync("session", "list", "--url", "http://127.0.0.1:9/");

        Assert.Equal(3, elsewhere.ExitCode);
        Assert.Equal(6, there.ExitCode);
    }

    [Fact]
    public async Task With_json_an_error_is_a_problem_in_json_on_stderr()
    {
        var answer = await RunAsync("run", "hello", "-o", "json");

        var problem = JsonSerializer.Deserialize<JsonElement>(answer.Error);
        Assert.Equal("unreachable", problem.GetProperty("code").GetString());
        Assert.NotEmpty(problem.GetProperty("advice").GetString()!);
        Assert.Empty(answer.Out);
    }

    [Fact]
    public async Task A_key_with_a_line_break_is_refused_before_it_reaches_a_header()
    {
        var answer = await RunAsync("session", "list", "--url", "http://127.0.0.1:9", "--key", "a\r\nb");

        Assert.Equal(2, answer.ExitCode);
        Assert.DoesNotContain("a\r\nb", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_root_help_documents_every_exit_code()
    {
        var help = (await RunAsync("--help")).Ok().Out;

        foreach (var code in Enum.GetValues<Insula.Server.Commands.ExitCode>()) Assert.Contains($"{(int)code}  ", help, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--limit requests=1", "There is no limit 'requests'. Known are: requests_per_minute")]
    [InlineData("--limit concepts", "--limit concepts has no value.")]
    [InlineData("--limit concepts=-1", "--limit concepts=-1 is not a whole number from 0.")]
    public async Task A_wrong_limit_is_refused_before_the_server_is_asked(string options, string says)
    {
        var answer = await RunAsync(["tenant", "create", "acme", "--url", "http://127.0.0.1:9", "--key", "k", .. options.Split(' ')]);

        Assert.Equal(2, answer.ExitCode);
        Assert.Contains(says, answer.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    private Task<Invocation> RunAsync(params string[] args) => new Shell(_folder.Path).RunAsync(Ct, args);

    private async Task WriteLocalAsync(string url, string key)
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder.Path, "data"));
        await File.WriteAllTextAsync(Path.Combine(data.FullName, "local.json"), JsonSerializer.Serialize(new { url, key }), Ct);
    }
}
