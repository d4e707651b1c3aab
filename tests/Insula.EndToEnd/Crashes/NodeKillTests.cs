using System.Text.Json.Nodes;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Kills one of three nodes on one database without warning, again and again, while clients of every placement append over
/// all, runs are under way and watchers watch. A client whose node is gone goes to another. In the end every log is read:
/// what was acknowledged is there once, numbers have no gap, every run came to its end, and no step is there or counted twice.
/// </summary>
public sealed class NodeKillTests(ITestOutputHelper output)
{
    private const int SessionsEach = 2;
    private const int AcknowledgedPerCycleMax = 24;
    private const int KillsPerWord = 25;

    private readonly InsulaProcess?[] _nodes = new InsulaProcess?[3];
    private int _turn;

    /// <summary>What fits into the suite; INSULA_TEST_NODE_KILLS=500 for more.</summary>
    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("INSULA_TEST_NODE_KILLS"), out var count) ? count : 30;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kills_of_a_node_lose_and_double_nothing_and_the_others_go_on()
    {
        using TempFolder one = new(), other = new(), third = new();
        TempFolder[] folders = [one, other, third];
        await using var postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        var database = await postgres.CreateDatabaseAsync(Ct);
        try
        {
            for (var i = 0; i < _nodes.Length; i++) _nodes[i] = await Cluster.StartNodeAsync(folders[i], database, Ct);
            await RunAsync(node => Cluster.StartNodeAsync(folders[node], database, Ct));
        }
        finally
        {
            foreach (var node in _nodes) if (node is not null) await node.DisposeAsync();
        }
    }

    private async Task RunAsync(Func<int, Task<InsulaProcess>> startAgainAsync)
    {
        var acknowledged = new Acknowledged();
        var sessions = await PlacedSession.MakeAsync(_nodes[0]!, SessionsEach, Ct);
        using var load = new Load(
            [.. sessions.Select(session => new Writer(session, acknowledged, SendAsync))],
            [.. sessions.Select(session => new Watcher(session, () => AnyNode().Client(session.TenantKey)))],
            () => string.Join("\n\n", _nodes.Select(static node => node?.Log)));
        var random = new Random(20261124);
        var starting = Enumerable.Repeat(Task.CompletedTask, _nodes.Length).ToArray();
        List<TimeSpan> moves = [];
        List<DateTimeOffset> kills = [];

        for (var kill = 0; kill < Kills; kill++)
        {
            load.BeginRound();
            var (before, enough) = (acknowledged.Count, random.Next(1, AcknowledgedPerCycleMax));
            await load.UntilAsync("messages are taken", () => acknowledged.Count - before >= enough, Ct);
            var victim = await VictimAsync(random, starting);
            var node = Interlocked.Exchange(ref _nodes[victim], null)!;
            load.BeginRound();
            kills.Add(TimeProvider.System.GetUtcNow());
            var (killed, answers) = (TimeProvider.System.GetTimestamp(), load.Answers);
            await node.DisposeAsync();
            Assert.DoesNotContain("Unexpected error", node.Log, StringComparison.Ordinal);
            await load.UntilAsync("every writer is served by another node", () => load.Writers.All(static writer => writer.FirstSuccess is not null), Ct);
            moves.AddRange(load.Writers.Select(writer => TimeProvider.System.GetElapsedTime(killed, writer.FirstSuccess!.Value)));
            starting[victim] = StartAgainAsync(victim);
            await load.UntilAsync("another node answers", () => load.Answers > answers, Ct);
            if (kills.Count % KillsPerWord == 0) output.WriteLine($"{kills.Count} of {Kills} kills, {acknowledged.Count} messages acknowledged; to each client's next success {Quantiles.Of(moves)}.");
        }

        await Task.WhenAll(starting);
        await load.StopAsync();
        List<StreamedEvent> logs = [];
        List<(DateTimeOffset Began, DateTimeOffset Closed)> lost = [];
        foreach (var placed in sessions)
        {
            using var reader = AnyNode().Client(placed.TenantKey);
            var log = await SettledLogs.ReadAsync(reader, placed.Session, Ct);
            await SettledLogs.AssertCountedOnceAsync(reader, placed.Session, log, Ct);
            lost.AddRange(SettledLogs.LostRequests(log));
            logs.AddRange(log);
        }

        output.WriteLine($"{Kills} kills of a node of {_nodes.Length}, {acknowledged.AssertKeptIn(logs)}; {load.Failures} messages cut off; {load.Watched}.");
        output.WriteLine($"From the kill to each client's next success: {Quantiles.Of(moves)}.");
        // Counted from the first kill after the request began, which may have been another node's: never less than it was.
        var pickUps = lost.Where(request => kills.Exists(at => at > request.Began && at < request.Closed)).ToLookup(
            request => kills.Count(at => at > request.Began && at < request.Closed) > 1,
            request => request.Closed - kills.First(at => at > request.Began));
        output.WriteLine($"Model requests whose node died: {lost.Count}; from the kill to where another node closed them: {Quantiles.Of(pickUps[false])}; where a second node was killed meanwhile, {pickUps[true].Count()}: {Quantiles.Of(pickUps[true])}.");

        async Task StartAgainAsync(int node) => Volatile.Write(ref _nodes[node], await startAgainAsync(node));
    }

    /// <summary>A node that is up, of two or more: those killed before come back meanwhile.</summary>
    private async Task<int> VictimAsync(Random random, Task[] starting)
    {
        while (true)
        {
            int[] up = [.. Enumerable.Range(0, _nodes.Length).Where(node => Volatile.Read(ref _nodes[node]) is not null)];
            if (up.Length > 1) return up[random.Next(up.Length)];
            await await Task.WhenAny(starting.Where(static start => !start.IsCompleted));
        }
    }

    /// <summary>The nodes that are up, in turn.</summary>
    private InsulaProcess AnyNode()
    {
        while (true)
        {
            if (Volatile.Read(ref _nodes[Interlocked.Increment(ref _turn) % _nodes.Length]) is { } node) return node;
        }
    }

    private async Task<JsonObject?> SendAsync(PlacedSession placed, object body)
    {
        using var client = AnyNode().Client(placed.TenantKey);
        try
        {
            return await client.PostAsync(placed.Events, body, Ct);
        }
        catch (HttpRequestException e) when (e.StatusCode is null)
        {
            // Its node was killed: whether this message is in the log is unknown, and both are right.
            return null;
        }
    }
}
