using System.Globalization;

namespace Insula.Benchmarks;

/// <summary>Prints a measurement as a Markdown table, with what is needed to judge it.</summary>
internal static class Report
{
    public static void Write(TextWriter to, string title, IReadOnlyList<Slice> slices)
    {
        to.WriteLine($"## {title}");
        to.WriteLine();
        to.WriteLine("| | per second, median | range | ratio to the first row, median | CPU each, median |");
        to.WriteLine("|---|---|---|---|---|");
        var floor = slices.Where(s => s.Name == slices[0].Name).Select(s => s.PerSecond).ToArray();
        foreach (var group in slices.GroupBy(s => s.Name))
        {
            var rates = group.Select(s => s.PerSecond).ToArray();
            var ratio = Slices.Median(rates.Zip(floor, (rate, raw) => rate / raw));
            var cpu = Slices.Median(group.Select(s => s.CpuMicrosecondsEach));
            to.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {group.Key} | {Slices.Median(rates):N0} | {rates.Min():N0}–{rates.Max():N0} | {ratio:0.00} | {(double.IsNaN(cpu) ? "" : $"{cpu:N0} µs")} |"));
        }

        to.WriteLine();
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{slices.Count / slices.Select(s => s.Name).Distinct().Count()} slices each, taking turns; load average {slices.Min(s => s.Load)}–{slices.Max(s => s.Load)}. {Machine()}"));
        to.WriteLine();
    }

    private static string Machine()
    {
        var cpu = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        return $"{Environment.ProcessorCount} cores, {cpu}, {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, .NET {Environment.Version}.";
    }
}
