using System.Buffers.Binary;
using System.Net.Sockets;
using Insula.TestKit.Streams;

namespace Insula.TestKit.Postgres;

/// <summary>
/// Stands between a client and PostgreSQL, passes every byte on and counts the trips: the messages after which a client
/// waits for the server. For connections without encryption.
/// </summary>
public sealed class CountingProxy(int server) : TcpRelay(server)
{
    private int _trips;

    /// <summary>Trips so far, on all connections.</summary>
    public int Trips => Volatile.Read(ref _trips);

    protected override async Task RelayAsync(TcpClient near, TcpClient far, CancellationToken ct) =>
        await Task.WhenAny(UpAsync(near.GetStream(), far.GetStream(), ct), far.GetStream().CopyToAsync(near.GetStream(), ct));

    /// <summary>The first message has no type; each later one begins with it, and then says how long it is.</summary>
    private async Task UpAsync(NetworkStream from, NetworkStream to, CancellationToken ct)
    {
        var frame = new byte[64 * 1024];
        var head = 0;
        while (await TryFillAsync(from, frame.AsMemory(0, head + 4), ct))
        {
            var rest = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(head)) - 4;
            if (frame.Length < head + 4 + rest) Array.Resize(ref frame, head + 4 + rest);
            if (!await TryFillAsync(from, frame.AsMemory(head + 4, rest), ct)) return;
            if (head == 1 && frame[0] is (byte)'S' or (byte)'Q' or (byte)'H') Interlocked.Increment(ref _trips);
            await to.WriteAsync(frame.AsMemory(0, head + 4 + rest), ct);
            head = 1;
        }
    }

    private static async Task<bool> TryFillAsync(NetworkStream from, Memory<byte> buffer, CancellationToken ct) => await from.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct) == buffer.Length;
}
