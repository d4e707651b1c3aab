using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Insula.Server.Tests.Commands;

/// <summary>
/// Passes bytes on to a server, and once cuts a connection that streams events, in the middle of what the server says.
/// </summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _serverPort;
    private readonly int _cutAfterBytes;
    private Task _accepting = Task.CompletedTask;
    private int _cuts;

    private CuttingProxy(int serverPort, int cutAfterBytes)
    {
        _serverPort = serverPort;
        _cutAfterBytes = cutAfterBytes;
    }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Cuts => _cuts;

    public static CuttingProxy Start(int serverPort, int cutAfterBytes)
    {
        var proxy = new CuttingProxy(serverPort, cutAfterBytes);
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
        var connections = new List<Task>();
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
            await far.ConnectAsync(IPAddress.Loopback, _serverPort, _stop.Token);
            var streams = new TaskCompletionSource();
            await Task.WhenAny(UpAsync(near.GetStream(), far.GetStream(), streams), DownAsync(far.GetStream(), near.GetStream(), streams.Task));
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // The end of a connection, of whichever side.
        }
    }

    private async Task UpAsync(NetworkStream near, NetworkStream far, TaskCompletionSource streams)
    {
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await near.ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (Encoding.ASCII.GetString(buffer, 0, count).Contains("/events/stream", StringComparison.Ordinal)) streams.TrySetResult();
            await far.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }
    }

    private async Task DownAsync(NetworkStream far, NetworkStream near, Task streams)
    {
        var buffer = new byte[16 * 1024];
        var passed = 0;
        int count;
        while ((count = await far.ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (streams.IsCompleted && passed + count > _cutAfterBytes && Interlocked.CompareExchange(ref _cuts, 1, 0) == 0)
            {
                await near.WriteAsync(buffer.AsMemory(0, Math.Max(0, _cutAfterBytes - passed)), _stop.Token);
                return;
            }

            if (streams.IsCompleted) passed += count;
            await near.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
        }
    }
}
