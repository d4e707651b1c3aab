namespace Insula.Tenancy.Nodes;

/// <summary>
/// How nodes tell each other that something changed. A wake says "look again" and nothing more: what is true stands in the
/// stores. It may come late, twice, for nothing, or not at all, so whoever listens also looks by itself from time to time.
/// </summary>
public interface IWakes
{
    /// <summary>
    /// Tells the other nodes, soon, that what this text names changed. Called when the change is durable; it never waits
    /// and never fails, and what is announced again before it was sent is sent once.
    /// </summary>
    void Announce(WakeTopic topic, string subject);

    /// <summary>What stands for the subject in a <see cref="Wake"/>.</summary>
    WakeKey KeyOf(string subject);

    /// <summary>Calls <paramref name="heard"/> for every wake of the topic from other nodes until the answer is disposed. It hands the news on, and neither waits nor throws.</summary>
    IDisposable Listen(WakeTopic topic, Action<Wake> heard);
}

/// <summary>What wakes are about. Who listens to one hears nothing of the other.</summary>
public enum WakeTopic
{
    /// <summary>Sessions by id: their log grew, or they are gone. Many each second.</summary>
    Sessions,

    /// <summary>Who may do what: tenants by id (their row, their keys), and <c>plans</c>. Few.</summary>
    Access,

    /// <summary>A node has runs in the queue that it has no worker for. One subject; few, since they are announced together.</summary>
    Work,
}

/// <summary>A subject under a secret of the installation, so that who reads the wire learns no id.</summary>
public readonly record struct WakeKey(ulong Value);

/// <summary>What other nodes announced, in one go.</summary>
/// <param name="Keys">The subjects; null when anything may have changed: this node was deaf for a while.</param>
public sealed record Wake(IReadOnlySet<WakeKey>? Keys)
{
    public static Wake Everything { get; } = new((IReadOnlySet<WakeKey>?)null);

    public bool Names(WakeKey key) => Keys is null || Keys.Contains(key);
}
