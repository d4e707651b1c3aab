namespace Insula.Tenancy.Nodes;

/// <summary>The wakes of a node that is alone: nobody to tell, and nothing to hear.</summary>
public sealed class NoOtherNodes : IWakes
{
    public void Announce(WakeTopic topic, string subject)
    {
        // Nobody else has the data.
    }

    public WakeKey KeyOf(string subject) => new((ulong)subject.GetHashCode(StringComparison.Ordinal));

    public IDisposable Listen(WakeTopic topic, Action<Wake> heard) => Silence.Instance;

    private sealed class Silence : IDisposable
    {
        public static Silence Instance { get; } = new();

        public void Dispose()
        {
            // Nothing was taken.
        }
    }
}
