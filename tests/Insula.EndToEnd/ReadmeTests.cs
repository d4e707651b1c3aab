using System.Diagnostics;
using System.Text.RegularExpressions;
using Insula.TestKit;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd;

/// <summary>What the README tells a newcomer to type, typed.</summary>
public sealed partial class ReadmeTests
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_two_commands_answer_with_quotes_from_these_very_files()
    {
        using var folder = new TempFolder();
        await using var server = await InsulaProcess.StartAsync(folder.Path, Ct);
        var commands = Commands().Matches(Repository.Read("README.md")).Select(match => match.Groups["line"].Value).Take(2).ToList();
        Assert.Equal(["knowledge learn README.md docs/", "run \"What is a placement?\""], commands);

        var learned = await RunAsync(folder.Path, "knowledge", "learn", "README.md", "docs/");
        var answer = await RunAsync(folder.Path, "run", "What is a placement?");

        Assert.Matches("learned [0-9]+ files \\([0-9]+ new, 0 unchanged\\), [0-9]+ passages", learned);
        Assert.Contains("where a tenant's **data** lives", answer, StringComparison.Ordinal);
        Assert.Matches("(?m)^\\[1\\] (docs/[a-z-]+\\.md|README\\.md)", answer);
    }

    [Fact]
    public async Task The_doctor_finds_the_server_and_its_process()
    {
        using var folder = new TempFolder();
        await using var server = await InsulaProcess.StartAsync(folder.Path, Ct);

        var report = await RunAsync(folder.Path, "doctor");

        Assert.Contains($"in use by the server with process {server.Pid}", report, StringComparison.Ordinal);
        Assert.Contains($"{server.Url.AbsoluteUri.TrimEnd('/')} is ready", report, StringComparison.Ordinal);
    }

    /// <summary>Runs the program in the root of the repository, on a server that only its data folder tells of.</summary>
    private static async Task<string> RunAsync(string dataFolder, params string[] args)
    {
        var info = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        foreach (var argument in (string[])[typeof(Program).Assembly.Location, .. args]) info.ArgumentList.Add(argument);
        foreach (var name in info.Environment.Keys.Where(static name => name.StartsWith("INSULA_", StringComparison.Ordinal)).ToList()) info.Environment.Remove(name);
        info.Environment["INSULA_DATA"] = dataFolder;

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(CommandLimit);
        using var process = Process.Start(info)!;
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, $"insula {string.Join(' ', args)} ended with {process.ExitCode}:\n{await output}\n{await error}");
        return await output;
    }

    [GeneratedRegex(@"(?m)^\./insula (?<line>.+)$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Commands();
}
