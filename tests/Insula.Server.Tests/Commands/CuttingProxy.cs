using System.Net.Sockets;
using System.Text;
using Insula.TestKit.Streams;

namespace Insula.Server.Tests.Commands;

/// <summary>
/// Passes bytes on to a server, and once cuts a connection that streams events, in the middle of what the server says.
/// </summary>
internal sealed class CuttingProxy(int serverPort, int cutAfterBytes) : TcpRelay(serverPort)
{
    private int _cuts;

    public int Cuts => _cuts;

    protected override async Task RelayAsync(TcpClient near, TcpClient far, CancellationToken ct)
    {
        var streams = new TaskCompletionSource();
        await Task.WhenAny(UpAsync(near.GetStream(), far.GetStream(), streams, ct), DownAsync(far.GetStream(), near.GetStream(), streams.Task, ct));
    }

    private static async Task UpAsync(NetworkStream near, NetworkStream far, TaskCompletionSource streams, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await near.ReadAsync(buffer, ct)) > 0)
        {
            if (Encoding.ASCII.GetString(buffer, 0, count).Contains("/events/stream", StringComparison.Ordinal)) streams.TrySetResult();
            await far.WriteAsync(buffer.AsMemory(0, count), ct);
        }
    }

    private async Task DownAsync(NetworkStream far, NetworkStream near, Task streams, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        var passed = 0;
        int count;
        while ((count = await far.ReadAsync(buffer, ct)) > 0)
        {
            if (streams.IsCompleted && passed + count > cutAfterBytes && Interlocked.CompareExchange(ref _cuts, 1, 0) == 0)
            {
                await near.WriteAsync(buffer.AsMemory(0, Math.Max(0, cutAfterBytes - passed)), ct);
                return;
            }

            if (streams.IsCompleted) passed += count;
            await near.WriteAsync(buffer.AsMemory(0, count), ct);
        }
    }
}
