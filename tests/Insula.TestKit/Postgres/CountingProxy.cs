using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Insula.TestKit.Postgres;

/// <summary>
/// Stands between a client and PostgreSQL, passes every byte on and counts the trips: the messages after which a client
/// waits for the server. For connections without encryption.
/// </summary>
public sealed class CountingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _server;
    private Task _accepting = Task.CompletedTask;
    private int _trips;

    private CountingProxy(int server) => _server = server;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Trips so far, on all connections.</summary>
    public int Trips => Volatile.Read(ref _trips);

    public static CountingProxy Start(int server)
    {
        var proxy = new CountingProxy(server);
        proxy._listener.Start();
        proxy._accepting = proxy.AcceptAsync();
        return proxy;
    }

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
            while (true) connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, _server, _stop.Token);
            await Task.WhenAny(UpAsync(near.GetStream(), far.GetStream()), far.GetStream().CopyToAsync(near.GetStream(), _stop.Token));
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // The end of a connection, of whichever side.
        }
    }

    /// <summary>The first message has no type; each later one begins with it, and then says how long it is.</summary>
    private async Task UpAsync(NetworkStream from, NetworkStream to)
    {
        var frame = new byte[64 * 1024];
        var head = 0;
        while (await TryFillAsync(from, frame.AsMemory(0, head + 4)))
        {
            var rest = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(head)) - 4;
            if (frame.Length < head + 4 + rest) Array.Resize(ref frame, head + 4 + rest);
            if (!await TryFillAsync(from, frame.AsMemory(head + 4, rest))) return;
            if (head == 1 && frame[0] is (byte)'S' or (byte)'Q' or (byte)'H') Interlocked.Increment(ref _trips);
            await to.WriteAsync(frame.AsMemory(0, head + 4 + rest), _stop.Token);
            head = 1;
        }
    }

    private async Task<bool> TryFillAsync(NetworkStream from, Memory<byte> buffer) => await from.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, _stop.Token) == buffer.Length;
}
