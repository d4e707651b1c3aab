using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Insula.Storage.Postgres.Wakes;

/// <summary>
/// Wakes by LISTEN/NOTIFY of the main database. A commit that notifies takes a lock of the whole server, so no change ever
/// notifies by itself: what is announced is gathered and sent after it, by one connection, and heard by another. Both come
/// back by themselves after an outage. Before the storage is open nothing can be announced and nothing is heard.
/// </summary>
internal sealed class PgWakes(TimeProvider time, ILogger<PgWakes> log) : IWakes, IAsyncDisposable
{
    private readonly Dictionary<WakeTopic, ImmutableArray<Action<Wake>>> _heard = Enum.GetValues<WakeTopic>().ToDictionary(static topic => topic, static _ => ImmutableArray<Action<Wake>>.Empty);
    private readonly Lock _lock = new();
    private byte[]? _secret;
    private Line? _line;

    /// <param name="source">For the line alone; disposed with it.</param>
    /// <param name="secret">What the installation keys its subjects with.</param>
    public void Open(NpgsqlDataSource source, byte[] secret)
    {
        var sender = new WakeSender(source, time, log);
        _secret = secret;
        _line = new Line(source, sender, new WakeListener(source, sender, Hear, time, log));
    }

    public void Announce(WakeTopic topic, string subject) => _line?.Sender.Add(topic, KeyOf(subject));

    public WakeKey KeyOf(string subject)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_secret ?? throw new InvalidOperationException("The storage is not open."), Encoding.UTF8.GetBytes(subject), hash);
        return new(BitConverter.ToUInt64(hash));
    }

    public IDisposable Listen(WakeTopic topic, Action<Wake> heard)
    {
        lock (_lock) _heard[topic] = _heard[topic].Add(heard);
        return new Subscription(this, topic, heard);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _line, null) is not { } line) return;
        await line.Listener.DisposeAsync();
        await line.Sender.DisposeAsync();
        await line.Source.DisposeAsync();
    }

    private void Hear(WakeTopic topic, Wake wake)
    {
        ImmutableArray<Action<Wake>> called;
        lock (_lock) called = _heard[topic];
        foreach (var heard in called) heard(wake);
    }

    private sealed record Line(NpgsqlDataSource Source, WakeSender Sender, WakeListener Listener);

    private sealed class Subscription(PgWakes wakes, WakeTopic topic, Action<Wake> heard) : IDisposable
    {
        public void Dispose()
        {
            lock (wakes._lock) wakes._heard[topic] = wakes._heard[topic].Remove(heard);
        }
    }
}
