using System.Net;
using System.Net.Sockets;

namespace Insula.TestKit.Streams;

/// <summary>Stands between clients and a server on this machine, with a connection to the server for each of a client's.</summary>
public abstract class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <param name="target">See <see cref="Target"/>.</param>
    protected TcpRelay(int target)
    {
        Target = target;
        _listener.Start(512);
        _accepting = AcceptAsync();
    }

    /// <summary>The server's port; another one after a restart.</summary>
    public int Target { get; set; }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Uri Url => new($"http://127.0.0.1:{Port}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Passes on what both sides say; when it ends, by whatever connection error too, both connections do.</summary>
    protected abstract Task RelayAsync(TcpClient near, TcpClient far, CancellationToken ct);

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

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, Target, _stop.Token);
            await RelayAsync(near, far, _stop.Token);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // The end of a connection, of whichever side.
        }
    }
}
