using System.Globalization;
using Insula.TestKit;
using Insula.TestKit.Processes;
using Insula.TestKit.Upstream;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Kills the program without warning, again and again, while runs call a model server that counts the tokens it reports.
/// In the end the ledger, and the statement, have those tokens and nothing else. The server honours the Idempotency-Key: a
/// request whose answer died with the program is made again with the same one, and counts once.
/// </summary>
public sealed class LedgerKillTests(ITestOutputHelper output)
{
    private const int Sessions = 4;

    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("INSULA_TEST_LEDGER_KILLS") ?? "4", CultureInfo.InvariantCulture);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_kills_the_sum_of_usage_is_what_the_provider_counted_to_the_token()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "plans.yaml"), "prices: { openai/fake-*: { input: 3.123457, output: 10.000001 }, tool_call: { each: 0.0000025 } }", Ct);
        await using var upstream = await FakeUpstream.StartAsync(Ct);
        upstream.HonoursKeys = true;
        var (random, sent) = (new Random(20261122), 0);
        var (key, sessions) = await PrepareAsync(folder, upstream);
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var node = await StartAsync(folder, upstream);
            using var client = node.Client(key);
            var (before, enough) = (upstream.Requests.Count, random.Next(1, 30));
            var writers = sessions.Select(session => SendUntilDeadAsync(client, session, () => Interlocked.Increment(ref sent))).ToArray();
            while (upstream.Requests.Count < before + enough) await upstream.NextRequestAsync(Ct);
            await node.KillAsync();
            await Task.WhenAll(writers);
        }

        await using var last = await StartAsync(folder, upstream);
        using var reader = last.Client(key);
        foreach (var session in sessions) await SettledLogs.ReadAsync(reader, session, Ct);
        var (reported, answers) = (upstream.Reported, upstream.Reported.Output / upstream.Otherwise.OutputTokens);
        var micros = answers * (long)Math.Ceiling((7 * 3.123457m) + (11 * 10.000001m));
        var totals = await UsageTotals.ReachAsync(reader, new(answers, 0, reported.Input, reported.Output, micros, 0), Ct);
        var statement = await reader.GetObjectAsync($"/api/v1/statements/{TimeProvider.System.GetUtcNow():yyyy-MM}", Ct);
        var line = Assert.Single(statement["lines"]!.AsArray())!;
        Assert.Equal((reported.Input, reported.Output, micros, micros), ((long)line["input_tokens"]!, (long)line["output_tokens"]!, (long)line["cost_micros"]!, (long)statement["total_micros"]!));
        output.WriteLine($"{Kills} kills, {sent} messages sent, {upstream.Requests.Count} requests of which {upstream.Repeated} were repeats; {totals}.");
    }

    private static async Task<(string Key, string[] Sessions)> PrepareAsync(TempFolder folder, FakeUpstream upstream)
    {
        await using var node = await StartAsync(folder, upstream);
        using var platform = node.Client(node.Started.OperatorKey!);
        var (_, key) = await platform.CreateTenantAsync("ledger", Ct);
        using var client = node.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("openai/fake-small", Ct);
        return (key, await Task.WhenAll(Enumerable.Range(0, Sessions).Select(_ => client.CreateSessionAsync(agent, environment, Ct))));
    }

    private static async Task SendUntilDeadAsync(HttpClient client, string session, Action sent)
    {
        try
        {
            while (true)
            {
                await client.SendAsync(session, "Say something.", Ct);
                sent();
            }
        }
        catch (Exception error) when (error is HttpRequestException { StatusCode: null } or IOException)
        {
            // Killed. Whether this message is in the log is unknown, and both are right.
        }
    }

    private static Task<InsulaProcess> StartAsync(TempFolder folder, FakeUpstream upstream) =>
        InsulaProcess.StartAsync(folder.Path, Ct, ("INSULA_OPENAI_BASE_URL", upstream.OpenAIUrl.ToString()), ("INSULA_OPENAI_API_KEY", "sk-test"));
}
