using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>The real server with tools that act on another server, which dies by SIGKILL when something in it reaches a point.</summary>
internal static class DyingNode
{
    public const string OperatorKey = "operator-key-for-tests-only";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "..", "..", "Insula.CrashNode", "release", "Insula.CrashNode.dll");

    /// <param name="database">Null for files.</param>
    /// <param name="dieAt">A member of RunPoint, ChildPoint, SchedulePoint or UsagePoint; null for a node that lives.</param>
    /// <param name="time">At which time it is reached.</param>
    public static Task<InsulaProcess> StartAsync(TempFolder folder, TestDatabase? database, EffectServer effects, Enum? dieAt, int time, CancellationToken ct) =>
        StartAsync(folder, database, effects, [("CRASH_AT", dieAt?.ToString() ?? ""), ("CRASH_COUNT", dieAt is null ? "" : time.ToString())], ct);

    /// <summary>A node on which a schedule's minutes are seconds, and which may die from <see cref="Arm"/> on.</summary>
    /// <param name="since">When these began; the same for all nodes of a cluster.</param>
    public static Task<InsulaProcess> StartHastyAsync(TempFolder folder, TestDatabase database, EffectServer effects, DateTimeOffset since, Enum? dieAt, CancellationToken ct)
    {
        File.Delete(ArmOf(folder));
        return StartAsync(folder, database, effects, [("CRASH_HASTY_SINCE", since.ToString("O")), ("CRASH_AT", dieAt?.ToString() ?? ""), ("CRASH_COUNT", "1"), ("CRASH_ARMED", ArmOf(folder))], ct);
    }

    /// <summary>The node on this folder dies at its point from now on.</summary>
    public static void Arm(TempFolder folder) => File.WriteAllText(ArmOf(folder), "");

    private static string ArmOf(TempFolder folder) => Path.Combine(folder.Path, "armed");

    private static Task<InsulaProcess> StartAsync(TempFolder folder, TestDatabase? database, EffectServer effects, (string Name, string Value)[] more, CancellationToken ct) => InsulaProcess.StartAsync(
        [Program],
        ct,
        [
            ("CRASH_DATA", folder.Path),
            ("CRASH_DATABASE", database?.OwnerConnectionString ?? ""),
            ("CRASH_OPERATOR_KEY", OperatorKey),
            ("CRASH_TOOLS", effects.Url.ToString()),
            .. more,
        ]);

    /// <summary>When it has died by itself.</summary>
    public static async Task DiedAsync(this InsulaProcess node, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        await node.ExitedAsync(limit.Token);
    }
}
