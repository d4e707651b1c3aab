using Insula.Tenancy.Access;
using Insula.Tenancy.Members;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Nodes;

namespace Insula.Tests.Tenancy;

/// <summary>Two nodes on one control store: what one of them changes is in force on the other.</summary>
public sealed class NodesTests : IAsyncLifetime
{
    private readonly TestWire _wire = new();
    private readonly CancellationTokenSource _stop = new();
    private Installation _a = null!;
    private Installation _b = null!;
    private Task _following = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _a = await Installation.StartAsync(services: services => _wire.AddNode(services));
        _b = await _a.JoinAsync(_wire);
        _following = _b.Get<FollowAccess>().RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _following;
        await _b.DisposeAsync();
        await _a.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_revoked_on_one_node_is_refused_on_the_other(bool lost)
    {
        var created = await _a.CreateTenantAsync();
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
        await ChangeAsync(lost, async () => await _a.Get<RevokeApiKey>().RunAsync(await _a.ScopeOfAsync(created.OwnerKey), created.OwnerKey.Key.Id, Ct));
        Assert.Equal(Authenticate.InvalidKey, (await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_rotated_on_one_node_ends_on_the_other_when_its_overlap_does(bool lost)
    {
        var created = await _a.CreateTenantAsync();
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
        await ChangeAsync(lost, async () => await _a.Get<RotateApiKey>().RunAsync(await _a.ScopeOfAsync(created.OwnerKey), created.OwnerKey.Key.Id, TimeSpan.FromSeconds(30), Ct));
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
        _b.Clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
        _b.Clock.ShiftWallClock(TimeSpan.FromSeconds(30));
        Assert.Equal(Authenticate.InvalidKey, (await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_role_lowered_and_a_member_removed_on_one_node_are_so_on_the_other(bool lost)
    {
        var created = await _a.CreateTenantAsync();
        var scope = await _a.ScopeOfAsync(created.OwnerKey);
        var member = await _a.AddMemberAsync(scope, MemberRole.Admin);
        var key = await _a.CreateKeyAsync(scope, member, "read", "write", "admin");
        Assert.Equal(Permissions.All, (await _b.ScopeOfAsync(key)).Permissions);
        await ChangeAsync(lost, () => _a.Get<UpdateMember>().RunAsync(scope, member.Id, new MemberChange(Role: MemberRole.Viewer), Ct));
        Assert.Equal(Permissions.Read, (await _b.ScopeOfAsync(key)).Permissions);
        await ChangeAsync(lost, () => _a.Get<RemoveMember>().RunAsync(scope, member.Id, Ct));
        Assert.Equal(Authenticate.InvalidKey, (await _b.SignInAsync(key.Secret)).Fault);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_tenant_suspended_and_resumed_on_one_node_is_so_on_the_other(bool lost)
    {
        var created = await _a.CreateTenantAsync();
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
        await ChangeAsync(lost, () => _a.Get<SuspendTenant>().RunAsync(_a.Operator, created.Tenant.Id, "unpaid", Ct));
        Assert.Equal("tenant_suspended", (await _b.SignInAsync(created.OwnerKey.Secret)).Fault?.Code);
        await ChangeAsync(lost, () => _a.Get<ResumeTenant>().RunAsync(_a.Operator, created.Tenant.Id, Ct));
        Assert.Null((await _b.SignInAsync(created.OwnerKey.Secret)).Fault);
    }

    [Fact]
    public async Task Who_acts_for_a_tenant_hears_that_another_node_touched_it_and_who_acts_for_others_does_not()
    {
        var (touched, other) = (await _a.CreateTenantAsync(), await _a.CreateTenantAsync("other"));
        foreach (var tenant in new[] { touched, other }) Assert.Null((await _b.SignInAsync(tenant.OwnerKey.Secret)).Fault);
        var heard = new List<AccessChange>();
        using var subscription = _b.Get<AccessSignals>().Subscribe(heard.Add);
        await _a.Get<SuspendTenant>().RunAsync(_a.Operator, touched.Tenant.Id, null, Ct);
        Assert.Equal([new TenantTouched(touched.Tenant.Id)], heard);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Limits_changed_on_one_node_hold_on_the_other(bool lost)
    {
        var created = await _a.CreateTenantAsync();
        Assert.NotEqual(7, await RequestsOnBAsync(created));
        await ChangeAsync(lost, () => _a.Get<UpdateTenant>().RunAsync(_a.Operator, created.Tenant.Id, new(Limits: new() { RequestsPerMinute = 7 }), Ct));
        Assert.Equal(7, await RequestsOnBAsync(created));
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_plan_put_on_one_node_holds_on_the_other(bool lost)
    {
        var free = _a.Get<PlanCatalog>().Find("free")!;
        var created = await _a.CreateTenantAsync(plan: "free");
        Assert.Equal(free.Limits.RequestsPerMinute, await RequestsOnBAsync(created));
        await ChangeAsync(lost, () => _a.Get<PutPlan>().RunAsync(_a.Operator, free with { Limits = free.Limits with { RequestsPerMinute = 9 } }, Ct));

        // Read in the background.
        while (await RequestsOnBAsync(created) != 9)
        {
            if (lost) _b.Clock.Advance(TenantStandings.AgeMax);
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        }
    }

    [Theory(Timeout = 20_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_price_put_on_one_node_holds_on_the_other(bool lost)
    {
        var put = default(Price);
        await ChangeAsync(lost, async () => put = (await _a.Get<PutPrice>().RunAsync(_a.Operator, new PriceChange("a/m", null, new Rates(5), Ceiling: false), Ct)).Value);
        while (_b.Get<PriceCatalog>().Find("a/m", put!.From) is not { } price || price != put)
        {
            if (lost) _b.Clock.Advance(TenantStandings.AgeMax);
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        }
    }

    [Fact(Timeout = 20_000)]
    public async Task Plans_that_are_read_again_and_are_as_before_make_nobody_compute_anew()
    {
        await _a.Get<PutPlan>().RunAsync(_a.Operator, _a.Get<PlanCatalog>().Find("free")! with { Description = "Put" }, Ct);
        var plans = _b.Get<PlanCatalog>();
        while (plans.Find("free")!.Description != "Put") await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        var version = plans.Version;
        plans.Renew(await _b.Get<IPlanStore>().AllAsync(Ct));
        Assert.Equal(version, plans.Version);
    }

    /// <summary>Changes something on the first node; when the news is lost, the time passes after which the other one looks by itself.</summary>
    private async Task ChangeAsync(bool lost, Func<Task> change)
    {
        _wire.Cut = lost;
        await change();
        if (lost) _b.Clock.Advance(TenantStandings.AgeMax + TimeSpan.FromMilliseconds(1));
    }

    private async Task<int> RequestsOnBAsync(CreatedTenant created) => ((SignedInTenant)(await _b.SignInAsync(created.OwnerKey.Secret)).Value).Limits.RequestsPerMinute;
}
