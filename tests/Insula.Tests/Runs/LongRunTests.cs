using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Tools;
using Insula.TestKit;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>What a run of a thousand steps leaves on the disk.</summary>
public sealed class LongRunTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Storage_grows_with_the_steps_and_not_with_their_square()
    {
        var (quarter, half, whole) = (await BytesAsync(250), await BytesAsync(500), await BytesAsync(1000));
        TestContext.Current.TestOutputHelper!.WriteLine($"250 steps {quarter:N0} bytes, 500 steps {half:N0}, 1000 steps {whole:N0}: {(whole - half) / 500} bytes a step.");

        // A copy of the state at each step would make the second difference four times the first.
        Assert.InRange((double)(whole - half) / (half - quarter), 1.7, 2.3);
    }

    /// <summary>The tenant's file after one run of so many steps, half of them the model's and half the tool's.</summary>
    private static async Task<long> BytesAsync(int steps)
    {
        using var folder = new TempFolder();
        await using (var runs = await RunHarness.StartAsync(folder.Path, Ct, scope: null, new CountingTool("count", ToolRepeat.Always)))
        {
            runs.Options.StepsMax = steps + 2;
            runs.Options.RepeatsMax = steps;
            var session = await runs.AddSessionAsync(Ct);
            await runs.SayAsync(session, "count", Ct);
            for (var call = 0; call < steps / 2; call++) (await runs.Model.NextCallAsync(Ct)).Calls("count", $"{{\"n\":{call}}}").Ends(ModelStop.ToolUse);
            (await runs.Model.NextCallAsync(Ct)).Says("done").Ends();
            await runs.UntilAsync<SessionStatusIdle>(session, Ct);
            Assert.True((await runs.SessionAsync(session, Ct)).LastSeq > steps);
        }

        return Directory.EnumerateFiles(folder.Path, "tenant.db*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
    }
}
