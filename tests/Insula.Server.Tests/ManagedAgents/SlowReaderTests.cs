using System.Net;
using System.Net.Sockets;
using System.Text;
using Insula.Agents.Runs;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>A client that opens streams and reads nothing of them.</summary>
public sealed class SlowReaderTests
{
    private const int Streams = 4;

    /// <summary>Large messages fill what the sockets hold, many small ones then the queues.</summary>
    private const int Large = 30;

    private const int Messages = Large + 60;
    private const int LargeChars = 80_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_reads_nothing_holds_no_worker_and_no_more_than_its_queue_and_misses_nothing_later()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { RealPort = true }, Ct);
        var tenant = await host.CreateTenantAsync("silent", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        List<Socket> silent = [];
        for (var i = 0; i < Streams; i++) silent.Add(await OpenAsync(host.Url, tenant.Key, session));

        var feed = host.Services.GetRequiredService<SessionFeed>();
        using (var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct))
        {
            for (var i = 0; i < Messages; i++)
            {
                await tenant.Client.SayAsync(session, $"!text {new string('x', i < Large ? LargeChars : 1)}", Ct);
                await reader.UntilAsync("session.status_idle", Ct);
                Assert.InRange(feed.LongestQueue, 0, SessionFeed.QueueMax);
            }
        }

        // More came than the queue and the sockets hold: it is full, and no fuller.
        Assert.Equal(SessionFeed.QueueMax, feed.LongestQueue);
        foreach (var socket in silent.Skip(1)) socket.Dispose();
        Assert.Equal(Messages, await CountIdlesAsync(silent[0]));
        silent[0].Dispose();
    }

    private static async Task<Socket> OpenAsync(Uri url, string key, string session)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, url.Port, Ct);
        var request = $"GET /v1/sessions/{session}/events/stream?event_deltas%5B%5D=agent.message HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nLast-Event-ID: 0\r\n\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), Ct);
        return socket;
    }

    /// <summary>Reads what the server held back; numbers have no gap and no repeat.</summary>
    private static async Task<int> CountIdlesAsync(Socket socket)
    {
        using var lines = new StreamReader(new NetworkStream(socket, ownsSocket: false), Encoding.UTF8);
        long last = 0;
        var idles = 0;
        while (idles < Messages && await lines.ReadLineAsync(Ct) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                var seq = long.Parse(line.AsSpan(4));
                Assert.Equal(last + 1, seq);
                last = seq;
            }

            if (line.StartsWith("event: session.status_idle", StringComparison.Ordinal)) idles++;
        }

        return idles;
    }
}
