using System.Net.Http.Json;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Processes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>
/// What a budget costs a step: a hold on three budgets and its settlement, in process; and whole runs with and without one,
/// whose difference is all of it, the shipping of usage left out, which both do.
/// </summary>
internal static class LedgerBench
{
    public static async Task<IReadOnlyList<Slice>> OnSqliteAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await using var services = new ServiceCollection().AddLogging().AddSqliteStorage(new StorageOptions { DataFolder = Path.Combine(folder.Path, "data") }).BuildServiceProvider();
        await services.GetRequiredService<SqliteStorage>().OpenAsync(ct);
        using var disk = new RawDisk(folder.Path);
        return await HoldsAsync(services.GetRequiredService<IBudgetStore>(), ("raw fdatasync, 1 KB", () => disk.SyncForAsync(slice), null), rounds, slice, ct);
    }

    public static async Task<IReadOnlyList<Slice>> OnPostgresAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var home = await PostgresHome.StartAsync(ct);
        using var folder = new TempFolder();
        using var disk = new RawDisk(folder.Path);
        return await HoldsAsync(home.Budgets, ("raw fdatasync, 1 KB", () => disk.SyncForAsync(slice), null), rounds, slice, ct);
    }

    /// <summary>Runs of one step over HTTP, of a tenant without a budget and of one under two.</summary>
    public static async Task<IReadOnlyList<Slice>> RunsAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await using var insula = await InsulaProcess.StartAsync(folder.Path, ct);
        using var platform = insula.Client(insula.Started.OperatorKey!);
        await PutAsync(platform, "/api/v1/prices", new { name = "insula/scripted", input_micros = 1_000_000, output_micros = 1_000_000 }, ct);
        var (_, freeKey) = await platform.CreateTenantAsync("free", ct);
        var (limited, limitedKey) = await platform.CreateTenantAsync("limited", ct);
        await PutAsync(platform, $"/api/v1/tenants/{limited}/budget", new { limit_micros = 1_000_000_000 }, ct);
        using var free = insula.Client(freeKey);
        using var under = insula.Client(limitedKey);
        var (ofFree, ofUnder) = (await free.CreateAgentAsync("insula/scripted", ct), await under.CreateAgentAsync("insula/scripted", ct));
        await PutAsync(under, $"/api/v1/budgets/agent:{ofUnder.Agent}", new { limit_micros = 1_000_000_000 }, ct);
        return await Slices.TakeTurnsAsync(
            rounds,
            ("runs without a budget, c=1", () => RunBench.RunForAsync(free, ofFree.Agent, ofFree.Environment, 1, slice, ct), insula.Pid),
            ("runs under two budgets, c=1", () => RunBench.RunForAsync(under, ofUnder.Agent, ofUnder.Environment, 1, slice, ct), insula.Pid),
            ("runs without a budget, c=16", () => RunBench.RunForAsync(free, ofFree.Agent, ofFree.Environment, 16, slice, ct), insula.Pid),
            ("runs under two budgets, c=16", () => RunBench.RunForAsync(under, ofUnder.Agent, ofUnder.Environment, 16, slice, ct), insula.Pid));
    }

    private static async Task<IReadOnlyList<Slice>> HoldsAsync(IBudgetStore budgets, (string, Func<Task<long>>, int?) floor, int rounds, TimeSpan slice, CancellationToken ct)
    {
        var tenants = Enumerable.Range(0, 16).Select(static _ => Id<Tenant>.New()).ToArray();
        foreach (var tenant in tenants)
        {
            foreach (var key in PathOf(tenant))
            {
                await budgets.PutAsync(
                    new Budget(key, tenant, BudgetRules.LimitMicrosMax, BudgetPeriod.Month, [], "bench", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch),
                    BudgetRules.BudgetsMax,
                    new AuditRecord(tenant, new Principal("operator", "bench"), "budget.set", key.ToString(), null, DateTimeOffset.UnixEpoch),
                    ct);
            }
        }

        return await Slices.TakeTurnsAsync(
            rounds,
            floor,
            ("hold and settlement on three budgets, c=1", () => HoldForAsync(budgets, tenants[..1], 1, slice, ct), Environment.ProcessId),
            ("hold and settlement, one tenant, c=16", () => HoldForAsync(budgets, tenants[..1], 16, slice, ct), Environment.ProcessId),
            ("hold and settlement, 16 tenants, c=16", () => HoldForAsync(budgets, tenants, 16, slice, ct), Environment.ProcessId));
    }

    private static async Task<long> HoldForAsync(IBudgetStore budgets, Id<Tenant>[] tenants, int concurrency, TimeSpan slice, CancellationToken ct)
    {
        long count = 0;
        var (began, node) = (TimeProvider.System.GetTimestamp(), Id<Node>.New());
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(worker => Task.Run(
            async () =>
            {
                var tenant = tenants[worker % tenants.Length];
                while (TimeProvider.System.GetElapsedTime(began) < slice)
                {
                    var id = Id<Hold>.New();
                    var answer = await budgets.HoldAsync(new HoldRequest(id, tenant, "sesn_a", node, PathOf(tenant), 100, 100, TimeSpan.FromMinutes(1)), ct);
                    if (!answer.Holds) throw new InvalidOperationException("A hold was refused.");
                    await budgets.SettleAsync(tenant, [new SettledUsage(id, "agent_a", "sesn_a", 40)], ct);
                    Interlocked.Increment(ref count);
                }
            },
            ct)));
        return count;
    }

    private static BudgetKey[] PathOf(Id<Tenant> tenant) => [BudgetKey.Of(tenant), new(BudgetScope.Agent, "agent_a"), new(BudgetScope.Session, "sesn_a")];

    private static async Task PutAsync(HttpClient client, string path, object body, CancellationToken ct)
    {
        using var answer = await client.PutAsJsonAsync(path, body, ct);
        answer.EnsureSuccessStatusCode();
    }
}
