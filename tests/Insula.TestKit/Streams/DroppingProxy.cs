using System.Net;
using System.Net.Sockets;

namespace Insula.TestKit.Streams;

/// <summary>
/// Passes bytes on to a server and drops each connection after a random number of bytes that the server said, by a reset
/// or by an early end, wherever that falls: in the head, in a frame, between the bytes of a character.
/// </summary>
public sealed class DroppingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Random _random;
    private readonly int _bytesMax;
    private readonly Task _accepting;
    private int _drops;

    public DroppingProxy(int bytesMax, int seed)
    {
        _bytesMax = bytesMax;
        _random = new Random(seed);
        _listener.Start(512);
        _accepting = AcceptAsync();
    }

    /// <summary>The server's port; another one after a restart.</summary>
    public int Target { get; set; }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>Connections that were dropped while the server had more to say.</summary>
    public int Drops => Volatile.Read(ref _drops);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var near = await _listener.AcceptTcpClientAsync(_stop.Token);
                connections.RemoveAll(static connection => connection.IsCompleted);
                connections.Add(ServeAsync(near));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient near)
    {
        int budget;
        bool resets;
        lock (_lock) (budget, resets) = (_random.Next(_bytesMax), _random.Next(2) == 0);
        using (near)
        {
            using var far = new TcpClient();
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            try
            {
                await far.ConnectAsync(IPAddress.Loopback, Target, ended.Token);
                var up = near.GetStream().CopyToAsync(far.GetStream(), ended.Token);
                await DownAsync(far.GetStream(), near.GetStream(), budget, ended.Token);
                if (resets) near.LingerState = new LingerOption(enable: true, seconds: 0);
                await ended.CancelAsync();
                await Task.WhenAny(up);
            }
            catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
            {
                // The end of a connection, of whichever side.
            }
        }
    }

    private async Task DownAsync(NetworkStream far, NetworkStream near, int budget, CancellationToken ct)
    {
        var buffer = new byte[4096];
        while (true)
        {
            var count = await far.ReadAsync(buffer, ct);
            if (count == 0) return;
            await near.WriteAsync(buffer.AsMemory(0, Math.Min(count, budget)), ct);
            budget -= count;
            if (budget > 0) continue;
            Interlocked.Increment(ref _drops);
            return;
        }
    }
}
