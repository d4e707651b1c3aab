using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What the control store promises of rates that several nodes hold together, by its own clock.</summary>
public abstract class RateGrantsContract : IAsyncLifetime
{
    // A day, so that a slow machine uses up no slot while a test goes on.
    private static readonly long Spacing = TimeSpan.FromDays(1).Ticks;

    private IRateGrants _grants = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _grants = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IRateGrants> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task Slots_lie_one_behind_the_other_and_end_with_the_burst()
    {
        var tenant = Id<Tenant>.New();
        var first = await TakeAsync(tenant, wanted: 3);
        Assert.Equal((3 * Spacing, first.Now + 3 * Spacing), (first.Granted, first.Arrival));
        var second = await TakeAsync(tenant, wanted: 4);
        Assert.Equal((4 * Spacing, first.Arrival + 4 * Spacing), (second.Granted, second.Arrival));

        // Some time passed, so there is room for a part of the last slot only; nobody gets parts.
        var rest = await TakeAsync(tenant, wanted: 9);
        Assert.Equal((3 * Spacing, second.Arrival + 3 * Spacing), (rest.Granted, rest.Arrival));
        var none = await TakeAsync(tenant, wanted: 1);
        Assert.Equal((0L, rest.Arrival), (none.Granted, none.Arrival));
    }

    [Fact]
    public async Task More_than_the_burst_at_first_gives_the_burst()
    {
        var grant = await TakeAsync(Id<Tenant>.New(), wanted: 1_000);
        Assert.Equal((10 * Spacing, grant.Now + 10 * Spacing), (grant.Granted, grant.Arrival));
    }

    [Fact]
    public async Task Takers_at_the_same_moment_share_what_there_is()
    {
        var tenant = Id<Tenant>.New();
        var grants = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => TakeAsync(tenant, wanted: 1)));
        Assert.Equal(10, grants.Count(static grant => grant.Granted == Spacing));
        Assert.Equal(10, grants.Where(static grant => grant.Granted > 0).Select(static grant => grant.Arrival).Distinct().Count());
    }

    [Fact]
    public async Task Tenants_callers_and_classes_have_buckets_of_their_own()
    {
        var tenant = Id<Tenant>.New();
        await TakeAsync(tenant, wanted: 10);
        Assert.Equal(0, (await TakeAsync(tenant, wanted: 1)).Granted);
        Assert.Equal(Spacing, (await TakeAsync(tenant, wanted: 1, caller: "key_1")).Granted);
        Assert.Equal(Spacing, (await TakeAsync(tenant, wanted: 1, one: RateClasses.Learn)).Granted);
        Assert.Equal(Spacing, (await TakeAsync(Id<Tenant>.New(), wanted: 1)).Granted);
        Assert.Equal(
            [("", RateClasses.Learn), ("", RateClasses.Requests), ("key_1", RateClasses.Requests)],
            (await _grants.ListAsync(tenant, Ct)).Select(static row => (row.Caller, row.Class)).OrderBy(static row => row.Caller).ThenBy(static row => row.Class.ToString()));
        Assert.All(await _grants.ListAsync(tenant, Ct), static row => Assert.InRange(row.Ahead, TimeSpan.FromHours(12), TimeSpan.FromDays(10)));
    }

    [Fact]
    public async Task An_arrival_from_before_the_clock_was_set_back_counts_as_an_empty_bucket()
    {
        var tenant = Id<Tenant>.New();
        await _grants.TakeAsync(new RateGrantRequest(tenant, "", RateClasses.Requests, Spacing, 1_000 * Spacing, Spacing, 1_000 * Spacing), Ct);
        var none = await TakeAsync(tenant, wanted: 1);
        Assert.Equal((0L, none.Now + 10 * Spacing), (none.Granted, none.Arrival));
    }

    [Fact]
    public async Task A_debt_is_taken_whatever_room_there_is()
    {
        var tenant = Id<Tenant>.New();
        await TakeAsync(tenant, wanted: 10);
        var debt = await _grants.TakeAsync(new RateGrantRequest(tenant, "", RateClasses.Requests, 7, 7, 1, TimeSpan.TicksPerDay * 36_500), Ct);
        Assert.Equal(7, debt.Granted);
    }

    private Task<RateGrant> TakeAsync(Id<Tenant> tenant, int wanted, string caller = "", RateClasses one = RateClasses.Requests) =>
        _grants.TakeAsync(new RateGrantRequest(tenant, caller, one, Spacing, wanted * Spacing, Spacing, 10 * Spacing), Ct);
}
