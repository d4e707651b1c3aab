using System.Collections.Concurrent;
using Insula.TestKit;
using Insula.TestKit.Processes;
using Insula.TestKit.Streams;

namespace Insula.EndToEnd.Streams;

/// <summary>
/// Streams that are dropped at random bytes and taken up again by <c>Last-Event-ID</c>, while the sessions grow and the
/// server is stopped and started in the middle. Who has seen all begins anew, so that drops fall on every part of a log.
/// </summary>
public sealed class StreamDropTests(ITestOutputHelper output)
{
    private const int Sessions = 4;
    private const int WatchersEach = 4;
    private const int BytesMax = 8_000;
    private const int Seed = 20261122;

    /// <summary>What fits into the suite; INSULA_TEST_STREAM_DROPS=10000 for the whole.</summary>
    private static int DropsWanted => int.TryParse(Environment.GetEnvironmentVariable("INSULA_TEST_STREAM_DROPS"), out var count) ? count : 400;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streams_dropped_at_random_bytes_have_no_gap_and_no_repeat_also_over_a_restart()
    {
        using var folder = new TempFolder();
        var first = await InsulaProcess.StartAsync(folder.Path, Ct);
        await using var proxy = new DroppingProxy(first.Url.Port, BytesMax, Seed);
        string key;
        List<Watched> watched = [];
        using (var platform = first.Client(first.Started.OperatorKey!)) (_, key) = await platform.CreateTenantAsync("drops", Ct);
        using (var client = first.Client(key))
        {
            var (agent, environment) = await client.CreateAgentAsync("insula/scripted", Ct);
            for (var i = 0; i < Sessions; i++) watched.Add(new Watched(await client.CreateSessionAsync(agent, environment, Ct)));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watchers = watched.SelectMany(session => Enumerable.Range(0, WatchersEach).Select(_ => session.WatchAsync(() => NewClient(proxy.Url, key), stop.Token))).ToArray();
        await GrowAsync(first, key, watched, () => proxy.Drops < DropsWanted / 2, watchers);
        Assert.Equal(0, await first.StopAsync(Ct));
        await first.DisposeAsync();

        await using var second = await InsulaProcess.StartAsync(folder.Path, Ct);
        proxy.Target = second.Url.Port;
        await GrowAsync(second, key, watched, () => proxy.Drops < DropsWanted, watchers);
        await stop.CancelAsync();
        await Task.WhenAll(watchers);

        // The whole log, by one stream that nobody drops.
        foreach (var session in watched) await session.CheckAsync(NewClient(second.Url, key), Ct);
        output.WriteLine($"{proxy.Drops} drops at random bytes; {watched.Sum(static it => it.Seen)} events seen, {watched.Sum(static it => it.Passes)} times a whole log; no gap, no repeat.");
    }

    /// <summary>One message after the other to each session, with a rest between, until enough was dropped.</summary>
    private static async Task GrowAsync(InsulaProcess insula, string key, IReadOnlyList<Watched> watched, Func<bool> more, Task[] watchers)
    {
        using var client = insula.Client(key);
        var random = new Random(Seed);
        while (more())
        {
            if (watchers.FirstOrDefault(static watcher => watcher.IsCompleted) is { } ended) await ended;
            foreach (var session in watched) await client.SendAsync(session.Session, $"!text {new string('é', random.Next(1, 900))}", Ct);
            await Task.Delay(TimeSpan.FromMilliseconds(40), TimeProvider.System, Ct);
        }
    }

    /// <summary>Each stream on a connection of its own.</summary>
    private static HttpClient NewClient(Uri url, string key)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero }) { BaseAddress = url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return client;
    }

    /// <summary>A session, and what its watchers agree on: one event for each number.</summary>
    private sealed class Watched(string session)
    {
        private readonly ConcurrentDictionary<long, string> _events = [];
        private long _seen;
        private long _passes;

        public string Session => session;

        public long Seen => Volatile.Read(ref _seen);

        public long Passes => Volatile.Read(ref _passes);

        public async Task WatchAsync(Func<HttpClient> connect, CancellationToken stop)
        {
            using var client = connect();
            long last = 0;
            while (!stop.IsCancellationRequested)
            {
                if (last > 0 && last >= _events.Count)
                {
                    last = 0;
                    Interlocked.Increment(ref _passes);
                }

                try
                {
                    await foreach (var e in client.WatchAsync(session, last, stop)) Take(e, ref last);
                }
                catch (Exception error) when (error is IOException or HttpRequestException { StatusCode: null } || stop.IsCancellationRequested)
                {
                    // Dropped, or nobody there: the next stream goes on after the last event.
                }
            }
        }

        /// <summary>Everything once more, without drops, up to the newest event of the log.</summary>
        public async Task CheckAsync(HttpClient client, CancellationToken ct)
        {
            using var owned = client;
            long last = 0;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(TimeSpan.FromSeconds(60));
            await foreach (var e in client.WatchAsync(session, after: 0, limit.Token))
            {
                Take(e, ref last);
                if (e.Type == "session.status_idle" && last >= _events.Count) return;
            }
        }

        private void Take(StreamedEvent e, ref long last)
        {
            Assert.Equal(last + 1, e.Seq);
            last++;
            var id = e.Data["id"]!.GetValue<string>();
            Assert.Equal(id, _events.GetOrAdd(last, id));
            Interlocked.Increment(ref _seen);
        }
    }
}
