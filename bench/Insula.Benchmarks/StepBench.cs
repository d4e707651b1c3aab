using System.Diagnostics;
using System.Globalization;

namespace Insula.Benchmarks;

/// <summary>
/// Durable steps of runs on PostgreSQL over HTTP, and what each costs the program, the database and the client that watches.
/// </summary>
internal static class StepBench
{
    public static async Task WriteAsync(TextWriter to, int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var home = await StepHome.StartAsync(ct);
        to.WriteLine("## Durable steps on PostgreSQL");
        to.WriteLine();
        to.WriteLine("| | steps a second | CPU a step: program | PostgreSQL | client |");
        to.WriteLine("|---|---|---|---|---|");
        for (var round = 0; round < rounds; round++)
        {
            foreach (var concurrency in (int[])[1, 16])
            {
                await home.RunForAsync(concurrency, TimeSpan.FromSeconds(1), ct);
                double[] before = [Slices.CpuSeconds(home.Pid), Slices.CpuSecondsOfTree(home.Postgres.Pid), Slices.CpuSeconds(System.Environment.ProcessId)];
                var clock = Stopwatch.StartNew();
                var steps = StepHome.Steps * await home.RunForAsync(concurrency, slice, ct);
                var took = clock.Elapsed.TotalSeconds;
                double[] after = [Slices.CpuSeconds(home.Pid), Slices.CpuSecondsOfTree(home.Postgres.Pid), Slices.CpuSeconds(System.Environment.ProcessId)];
                var each = after.Zip(before, (a, b) => $"{(a - b) * 1e6 / steps:N0} µs");
                to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| c={concurrency} | {steps / took:N0} | {string.Join(" | ", each)} |"));
            }
        }

        to.WriteLine();
    }
}
