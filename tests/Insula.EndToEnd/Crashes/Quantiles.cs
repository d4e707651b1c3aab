namespace Insula.EndToEnd.Crashes;

/// <summary>Durations in words.</summary>
internal static class Quantiles
{
    public static string Of(IEnumerable<TimeSpan> times)
    {
        var sorted = times.Order().ToList();
        if (sorted.Count == 0) return "none";
        return $"p50 {sorted[sorted.Count / 2].TotalMilliseconds:0} ms, at most {sorted[^1].TotalMilliseconds:0} ms";
    }
}
