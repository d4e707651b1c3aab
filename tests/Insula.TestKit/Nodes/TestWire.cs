using Insula.Agents;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.TestKit.Nodes;

/// <summary>
/// What lets several nodes in one process share one store: an end of a wire for each, over which wakes go at once. A test
/// may cut it, and then nothing is heard and everything has to be found by looking.
/// </summary>
public sealed class TestWire
{
    private readonly Lock _lock = new();
    private readonly List<End> _ends = [];

    /// <summary>Whether wakes are lost.</summary>
    public bool Cut { get; set; }

    /// <summary>Registers the stores that <paramref name="first"/> has open, as those of one node among several.</summary>
    public void AddNode(IServiceCollection services, IServiceProvider first)
    {
        services
            .AddSingleton(first.GetRequiredService<ITenantStores>())
            .AddSingleton(first.GetRequiredService<ITenantStorage>())
            .AddSingleton(first.GetRequiredService<ITenantDirectory>())
            .AddSingleton(first.GetRequiredService<IApiKeyStore>())
            .AddSingleton(first.GetRequiredService<IMemberStore>())
            .AddSingleton(first.GetRequiredService<IOperatorKeyStore>())
            .AddSingleton(first.GetRequiredService<IPlanStore>())
            .AddSingleton(first.GetRequiredService<IPriceStore>())
            .AddSingleton(first.GetRequiredService<IAuditLog>())
            .AddSingleton(first.GetRequiredService<IRunQueue>())
            .AddSingleton(first.GetRequiredService<PlacementChoice>());
        AddNode(services);
    }

    /// <summary>Makes a node that has its own registration of the stores one among several.</summary>
    public void AddNode(IServiceCollection services)
    {
        var end = new End(this);
        lock (_lock) _ends.Add(end);
        services.AddSingleton(Node.New(alone: false)).AddSingleton<IWakes>(end);
    }

    private void Hand(End from, WakeTopic topic, string subject)
    {
        if (Cut) return;
        List<End> others;
        lock (_lock) others = [.. _ends.Where(end => end != from)];
        foreach (var end in others) end.Hear(topic, new Wake(new HashSet<WakeKey> { end.KeyOf(subject) }));
    }

    private sealed class End(TestWire wire) : IWakes
    {
        private readonly List<(WakeTopic Topic, Action<Wake> Heard)> _heard = [];

        public void Announce(WakeTopic topic, string subject) => wire.Hand(this, topic, subject);

        public WakeKey KeyOf(string subject) => new((ulong)subject.GetHashCode(StringComparison.Ordinal));

        public IDisposable Listen(WakeTopic topic, Action<Wake> heard)
        {
            lock (_heard) _heard.Add((topic, heard));
            return new Subscription(this, topic, heard);
        }

        public void Hear(WakeTopic topic, Wake wake)
        {
            List<Action<Wake>> called;
            lock (_heard) called = [.. _heard.Where(entry => entry.Topic == topic).Select(static entry => entry.Heard)];
            foreach (var heard in called) heard(wake);
        }

        private sealed class Subscription(End end, WakeTopic topic, Action<Wake> heard) : IDisposable
        {
            public void Dispose()
            {
                lock (end._heard) end._heard.Remove((topic, heard));
            }
        }
    }
}
