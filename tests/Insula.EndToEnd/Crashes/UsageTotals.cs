using System.Text.Json.Nodes;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>What the ledger says of a tenant, as its own people ask it.</summary>
/// <param name="Models">Model calls.</param>
/// <param name="Tools">Tool calls.</param>
internal sealed record UsageTotals(long Models, long Tools, long Input, long Output, long Micros, long Unpriced)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The totals as soon as they are as expected, which they are a moment after the last append; what is still different then fails the test.</summary>
    public static async Task<UsageTotals> ReachAsync(HttpClient client, UsageTotals expected, CancellationToken ct)
    {
        var began = TimeProvider.System.GetTimestamp();
        UsageTotals now;
        while ((now = await ReadAsync(client, ct)) != expected && TimeProvider.System.GetElapsedTime(began) < Limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
        }

        Assert.Equal(expected, now);
        return now;
    }

    public static async Task<UsageTotals> ReadAsync(HttpClient client, CancellationToken ct)
    {
        var usage = await client.GetObjectAsync("/api/v1/usage?group_by=kind&from=2000-01-01", ct);
        var total = usage["total"]!;
        return new(
            ItemsOf(usage, "model"), ItemsOf(usage, "tool"), (long)total["input_tokens"]!, (long)total["output_tokens"]!, (long)total["cost_micros"]!, (long)total["unpriced"]!);
    }

    private static long ItemsOf(JsonObject usage, string kind) => usage["data"]!.AsArray().Where(g => (string)g!["key"]! == kind).Sum(static g => (long)g!["items"]!);
}
