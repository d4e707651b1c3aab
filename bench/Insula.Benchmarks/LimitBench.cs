using System.Diagnostics;
using Insula.Storage;
using Insula.Tenancy;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>
/// What a request pays for being known and being held to its limits, on one thread: the clock alone as the floor, a rate, a
/// rate of the tenant and of the key, a rate that nodes share (slots leased from a store in memory), and the key with it.
/// </summary>
internal static class LimitBench
{
    private const int Tenants = 10_000;

    public static async Task<IReadOnlyList<Slice>> MeasureAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        var data = Path.Combine(folder.Path, "data");
        await using var services = new ServiceCollection().AddLogging()
            .AddTenancy(new TenancyOptions { DataFolder = data, SignupOpen = true, OperatorKey = new Secret("the bench's own operator key") })
            .AddSqliteStorage(new StorageOptions { DataFolder = data }).BuildServiceProvider();
        await services.GetRequiredService<SqliteStorage>().OpenAsync(ct);
        _ = (await services.GetRequiredService<StartTenancy>().RunAsync(ct)).Value;
        var key = (await services.GetRequiredService<SignUp>().RunAsync("bench", "bench@example.org", ct)).Value.OwnerKey.Secret.Reveal();
        var authenticate = services.GetRequiredService<Authenticate>();
        using var alone = new RateLimiter(TimeProvider.System);
        using var shared = new RateLimiter(TimeProvider.System, new MemoryGrants(TimeProvider.System));
        var limits = new PlanCatalog().Find("enterprise")!.Limits with { RequestsPerMinute = 10_000_000 };
        TenantScope[] scopes = [.. Enumerable.Range(0, Tenants).Select(static _ => SystemTask.Run.For(Id<Tenant>.New()))];
        TenantScope[] keys = [.. scopes.Select(static (scope, i) => new TenantScope(scope.Tenant, new Principal("key", $"key_{i}"), scope.Permissions) { OwnLimits = [new OwnLimits(RateHolder.Key, $"key_{i}", new CallerLimits { RequestsPerMinute = 10_000_000 })] })];
        return await Slices.TakeTurnsAsync(
            rounds,
            ("the clock is read", () => ForAsync(slice, static _ => new(TimeProvider.System.GetTimestamp() > 0)), Environment.ProcessId),
            ("rate of the tenant", () => ForAsync(slice, i => TakeAsync(alone, scopes[i % Tenants], limits)), Environment.ProcessId),
            ("rates of the tenant and the key", () => ForAsync(slice, i => TakeAsync(alone, keys[i % Tenants], limits)), Environment.ProcessId),
            ("rate of the tenant, shared by nodes", () => ForAsync(slice, i => TakeAsync(shared, scopes[0], limits)), Environment.ProcessId),
            ("key checked", () => ForAsync(slice, async _ => (await authenticate.RunAsync(key, ct)).Fault is null), Environment.ProcessId),
            ("key checked and rate of the tenant", () => ForAsync(slice, async _ => (await authenticate.RunAsync(key, ct)).Value is SignedInTenant caller && await TakeAsync(alone, caller.Scope, limits)), Environment.ProcessId));
    }

    private static async ValueTask<bool> TakeAsync(RateLimiter limiter, TenantScope scope, Limits limits) =>
        (await limiter.TakeAsync(scope, RateClasses.Requests, limits, CancellationToken.None)).Admitted;

    private static async Task<long> ForAsync(TimeSpan slice, Func<int, ValueTask<bool>> act)
    {
        const int batch = 1_000;
        var count = 0;
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < slice;)
        {
            for (var i = 0; i < batch; i++) await act(count++);
        }

        return count;
    }
}
