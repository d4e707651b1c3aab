namespace Insula.Storage.Postgres.Wakes;

/// <summary>
/// Whether anybody hears this node. Each node greets the others now and then; one that was not heard for long is gone. What
/// is said many times a second, sessions that grew, is said only while somebody is there: a node that is alone with its
/// database spares it a notification for each step of each run.
/// </summary>
internal sealed class WakePeers(TimeProvider time)
{
    public static readonly TimeSpan GreetingPeriod = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan GoneAfter = 4 * GreetingPeriod;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, long> _heard = [];

    /// <summary>Until when others are there. Who has just started knows of nobody, and takes it that they are until they have certainly greeted.</summary>
    private long _until = Later(time, 2 * GreetingPeriod);

    public bool Any => time.GetTimestamp() < Volatile.Read(ref _until);

    /// <param name="pid">The server process that sends for the other node.</param>
    /// <returns>Whether it was not there before, as far as this node knows: it has missed what was not said meanwhile.</returns>
    public bool Greeted(int pid)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            foreach (var (gone, _) in _heard.Where(other => time.GetElapsedTime(other.Value, now) >= GoneAfter).ToList()) _heard.Remove(gone);
            var isNew = !_heard.ContainsKey(pid);
            _heard[pid] = now;
            Volatile.Write(ref _until, Later(time, GoneAfter));
            return isNew;
        }
    }

    private static long Later(TimeProvider time, TimeSpan by) => time.GetTimestamp() + (long)(by.TotalSeconds * time.TimestampFrequency);
}
