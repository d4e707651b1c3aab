using System.Diagnostics;

namespace Insula.Benchmarks;

/// <summary>What one slice of a measurement gave.</summary>
/// <param name="CpuSeconds">User and system time of the measured process; NaN when it is this one.</param>
/// <param name="Load">One-minute load average when the slice began.</param>
internal sealed record Slice(string Name, long Count, TimeSpan Took, double CpuSeconds, double Load)
{
    public double PerSecond => Count / Took.TotalSeconds;

    public double CpuMicrosecondsEach => CpuSeconds * 1e6 / Count;
}

/// <summary>
/// Runs measurements in short slices that take turns (A B A B …), so that a change of the machine's speed falls on all of
/// them alike, and reports each one's median and range.
/// </summary>
internal static class Slices
{
    private const double TicksPerSecond = 100;

    public static async Task<IReadOnlyList<Slice>> TakeTurnsAsync(int rounds, params (string Name, Func<Task<long>> Work, int? Pid)[] measurements)
    {
        foreach (var (_, work, _) in measurements) await work();
        var slices = new List<Slice>();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, work, pid) in measurements)
            {
                var load = LoadAverage();
                var cpu = CpuSeconds(pid);
                var clock = Stopwatch.StartNew();
                var count = await work();
                slices.Add(new Slice(name, count, clock.Elapsed, CpuSeconds(pid) - cpu, load));
            }
        }

        return slices;
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0]);

    /// <summary>User and system time of a process, from procfs.</summary>
    public static double CpuSeconds(int? pid) => pid is null ? double.NaN : Ticks(Fields(pid.Value), 11, 12) / TicksPerSecond;

    /// <summary>The same of a process and its children, those that have ended included.</summary>
    public static double CpuSecondsOfTree(int pid)
    {
        var ticks = Ticks(Fields(pid), 11, 12, 13, 14);
        foreach (var other in Process.GetProcesses())
        {
            using (other)
            {
                try
                {
                    var fields = Fields(other.Id);
                    if (int.Parse(fields[1]) == pid) ticks += Ticks(fields, 11, 12);
                }
                catch (IOException)
                {
                    // It has ended since it was listed: its time is its parent's by now.
                }
            }
        }

        return ticks / TicksPerSecond;
    }

    /// <summary>The fields of <c>stat</c> from the process's state on.</summary>
    private static string[] Fields(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static double Ticks(string[] fields, params ReadOnlySpan<int> which)
    {
        double sum = 0;
        foreach (var field in which) sum += long.Parse(fields[field]);
        return sum;
    }
}
