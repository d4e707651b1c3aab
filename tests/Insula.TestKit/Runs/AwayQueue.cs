using Insula.Agents.Runs;
using Insula.Tenancy.Faults;

namespace Insula.TestKit.Runs;

/// <summary>The real queue, over a line that a test cuts: then it answers as a database does that is away.</summary>
public sealed class AwayQueue(IRunQueue queue) : ForwardingQueue(queue)
{
    private int _refused;

    public bool Away { get; set; }

    /// <summary>Calls made while it was away.</summary>
    public int Refused => Volatile.Read(ref _refused);

    protected override IRunQueue There
    {
        get
        {
            if (!Away) return base.There;
            Interlocked.Increment(ref _refused);
            throw new FaultException(Fault.Unavailable("store_unavailable", "The database does not answer."));
        }
    }
}
