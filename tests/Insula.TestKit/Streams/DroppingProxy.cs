using System.Net.Sockets;

namespace Insula.TestKit.Streams;

/// <summary>
/// Passes bytes on to a server and drops each connection after a random number of bytes that the server said, by a reset
/// or by an early end, wherever that falls: in the head, in a frame, between the bytes of a character.
/// </summary>
public sealed class DroppingProxy(int target, int bytesMax, int seed) : TcpRelay(target)
{
    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private int _drops;

    /// <summary>Connections that were dropped while the server had more to say.</summary>
    public int Drops => Volatile.Read(ref _drops);

    protected override async Task RelayAsync(TcpClient near, TcpClient far, CancellationToken ct)
    {
        int budget;
        bool resets;
        lock (_lock) (budget, resets) = (_random.Next(bytesMax), _random.Next(2) == 0);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var up = near.GetStream().CopyToAsync(far.GetStream(), ended.Token);
        await DownAsync(far.GetStream(), near.GetStream(), budget, ended.Token);
        if (resets) near.LingerState = new LingerOption(enable: true, seconds: 0);
        await ended.CancelAsync();
        await Task.WhenAny(up);
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
