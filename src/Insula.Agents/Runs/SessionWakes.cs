using System.Collections.Immutable;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;

namespace Insula.Agents.Runs;

/// <summary>The wakes about sessions: who waits for one of them on this node hears when another node wrote to its log.</summary>
public sealed class SessionWakes : IDisposable
{
    private readonly IWakes _wakes;
    private readonly Lock _lock = new();
    private readonly Dictionary<WakeKey, ImmutableHashSet<Ear>> _ears = [];
    private readonly IDisposable _subscription;

    public SessionWakes(IWakes wakes)
    {
        _wakes = wakes;
        _subscription = wakes.Listen(WakeTopic.Sessions, Hear);
    }

    public void Dispose() => _subscription.Dispose();

    /// <summary>Tells the other nodes that the session's log grew, or that the session is gone.</summary>
    internal void Announce(Id<Session> session) => _wakes.Announce(WakeTopic.Sessions, session.ToString());

    /// <summary>Calls <paramref name="heard"/> when another node announced the session, or may have. It neither waits nor throws.</summary>
    internal IDisposable Listen(Id<Session> session, Action heard)
    {
        var ear = new Ear(this, _wakes.KeyOf(session.ToString()), heard);
        lock (_lock) _ears[ear.Key] = _ears.GetValueOrDefault(ear.Key, []).Add(ear);
        return ear;
    }

    private void Hear(Wake wake)
    {
        List<Ear> called = [];
        lock (_lock)
        {
            if (wake.Keys is null) called.AddRange(_ears.Values.SelectMany(static ears => ears));
            else foreach (var key in wake.Keys) called.AddRange(_ears.GetValueOrDefault(key, []));
        }

        foreach (var ear in called) ear.Heard();
    }

    private sealed class Ear(SessionWakes wakes, WakeKey key, Action heard) : IDisposable
    {
        public WakeKey Key => key;

        public void Heard() => heard();

        public void Dispose()
        {
            lock (wakes._lock)
            {
                var left = wakes._ears.GetValueOrDefault(key, []).Remove(this);
                if (left.IsEmpty) wakes._ears.Remove(key);
                else wakes._ears[key] = left;
            }
        }
    }
}
