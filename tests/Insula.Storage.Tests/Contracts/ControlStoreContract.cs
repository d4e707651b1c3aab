using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every control store promises. A subclass says how to open one.</summary>
public abstract class ControlStoreContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero).AddTicks(1_234_567);
    private static readonly Principal Operator = new("operator", "test");

    private IServiceProvider _stores = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private ITenantDirectory Tenants => _stores.GetRequiredService<ITenantDirectory>();

    private IApiKeyStore Keys => _stores.GetRequiredService<IApiKeyStore>();

    private IAuditLog Audit => _stores.GetRequiredService<IAuditLog>();

    public async ValueTask InitializeAsync() => _stores = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    /// <summary>The same store as other nodes open it; none where a store has one node.</summary>
    protected virtual Task<IReadOnlyList<IServiceProvider>> OtherNodesAsync() => Task.FromResult<IReadOnlyList<IServiceProvider>>([]);

    /// <summary>Closes the stores and opens them on the same data.</summary>
    protected abstract Task<IServiceProvider> ReopenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task A_tenant_its_first_key_and_its_record_are_added_together()
    {
        var tenant = NewTenant("Größe & Söhne 🌊 \u0001") with { AddOns = new([new LimitAddOn(new LimitOverrides { Agents = 2 }, Start.AddDays(1), Start), new LimitAddOn(new LimitOverrides { Keys = 1 }, Start)]) };
        var key = NewKey(tenant.Id);
        await Tenants.AddAsync(tenant, key, Record(tenant.Id, "tenant.create"), Ct);

        Assert.Equal(tenant, await Tenants.FindAsync(tenant.Id, Ct));
        Equal(key, (await Keys.FindByHandleAsync(key.Handle, Ct))?.Key);
        Assert.Equal([Record(tenant.Id, "tenant.create")], (await Audit.ListAsync(tenant.Id, First(10), Ct)).Items);
    }

    [Fact]
    public async Task A_tenant_whose_key_cannot_be_added_is_not_added_and_leaves_no_record()
    {
        var key = NewKey((await AddTenant("first")).Id);
        await Keys.AddAsync(Scope(key.Tenant), key, Record(key.Tenant, "key.create"), Ct);

        var second = NewTenant("second");
        await Assert.ThrowsAnyAsync<Exception>(() => Tenants.AddAsync(second, NewKey(second.Id) with { Handle = key.Handle }, Record(second.Id, "tenant.create"), Ct));

        Assert.Null(await Tenants.FindAsync(second.Id, Ct));
        Assert.Empty((await Audit.ListAsync(second.Id, First(10), Ct)).Items);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_reopening()
    {
        var tenant = await AddTenant("kept");
        _stores = await ReopenAsync();
        Assert.Equal(tenant, await Tenants.FindAsync(tenant.Id, Ct));
    }

    [Fact]
    public async Task A_tenant_is_replaced_only_as_long_as_it_is_as_expected()
    {
        var tenant = await AddTenant("before");
        var first = tenant with { Name = "first", Plan = "pro", Overrides = new() { RequestsPerMinute = 5 } };
        Assert.True(await Tenants.ReplaceAsync(tenant, first, Record(tenant.Id, "tenant.update"), Ct));

        // Same instant, other name: the clock alone must not decide.
        Assert.False(await Tenants.ReplaceAsync(tenant, tenant with { Name = "second" }, Record(tenant.Id, "tenant.update"), Ct));
        Assert.Equal(first, await Tenants.FindAsync(tenant.Id, Ct));
        Assert.Equal(2, (await Audit.ListAsync(tenant.Id, First(10), Ct)).Items.Count);
    }

    [Fact]
    public async Task Of_many_replacements_at_once_exactly_one_wins()
    {
        var tenant = await AddTenant("before");
        var won = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Tenants.ReplaceAsync(tenant, tenant with { Name = $"name {i}" }, Record(tenant.Id, "tenant.update"), Ct)));
        Assert.Single(won, static w => w);
    }

    [Fact]
    public async Task Tenants_are_listed_newest_first_and_by_filter()
    {
        var all = new List<Tenant>();
        for (var i = 0; i < 7; i++)
        {
            var tenant = NewTenant(i % 2 == 0 ? $"Éclair {i}" : $"other {i}") with { CreatedAt = Start.AddSeconds(i / 2), Plan = i < 3 ? "free" : "pro", Status = i == 5 ? TenantStatus.Suspended : TenantStatus.Active };
            await Tenants.AddAsync(tenant, null, Record(tenant.Id, "tenant.create"), Ct);
            all.Add(tenant);
        }

        var expected = all.OrderByDescending(t => t.CreatedAt).ThenByDescending(t => t.Id.ToString(), StringComparer.Ordinal).ToList();
        Assert.Equal(expected, await Walk(page => Tenants.ListAsync(new(), page, Ct), 2));
        Assert.Equal(expected.Where(t => t.Plan == "pro"), await Walk(page => Tenants.ListAsync(new(Plan: "pro"), page, Ct), 2));
        Assert.Equal(expected.Where(t => t.Status == TenantStatus.Suspended), await Walk(page => Tenants.ListAsync(new(Status: TenantStatus.Suspended), page, Ct), 2));
        Assert.Equal(expected.Where(t => t.Name[0] == 'É'), await Walk(page => Tenants.ListAsync(new(NamePrefix: "éCL"), page, Ct), 3));
        Assert.Empty(await Walk(page => Tenants.ListAsync(new(NamePrefix: "%"), page, Ct), 3));
    }

    [Fact]
    public async Task Each_placement_and_server_is_kept_replaced_and_found()
    {
        var all = new List<Tenant>();
        foreach (var placement in Enum.GetValues<Placement>())
        {
            foreach (var server in new[] { "main", "eu1" })
            {
                var tenant = NewTenant($"{placement} on {server}") with { Placement = placement, Server = server };
                await Tenants.AddAsync(tenant, null, Record(tenant.Id, "tenant.create"), Ct);
                Assert.Equal(tenant, await Tenants.FindAsync(tenant.Id, Ct));
                all.Add(tenant);
            }
        }

        foreach (var placement in Enum.GetValues<Placement>())
        {
            Assert.Equal(Ids(all.Where(tenant => tenant.Placement == placement)), Ids(await Walk(page => Tenants.ListAsync(new(Placement: placement), page, Ct), 1)));
        }

        Assert.Equal(Ids(all.Where(static tenant => tenant.Server == "eu1")), Ids(await Walk(page => Tenants.ListAsync(new(Server: "eu1"), page, Ct), 3)));
        Assert.Empty((await Tenants.ListAsync(new(Server: "EU1"), First(10), Ct)).Items);
        Assert.Empty((await Tenants.ListAsync(new(Server: "%"), First(10), Ct)).Items);

        var moved = all[0] with { Placement = Placement.Database, Server = "us1" };
        Assert.True(await Tenants.ReplaceAsync(all[0], moved, Record(moved.Id, "tenant.move"), Ct));
        Assert.Equal(moved, Assert.Single(await Walk(page => Tenants.ListAsync(new(Placement: Placement.Database, Server: "us1"), page, Ct), 3)));

        static IEnumerable<string> Ids(IEnumerable<Tenant> tenants) => tenants.Select(static tenant => tenant.Id.ToString()).Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task A_page_cursor_that_was_not_given_for_the_list_is_refused()
    {
        var a = await AddTenant("a");
        var b = await AddTenant("b");
        foreach (var tenant in new[] { a, b })
        {
            for (var i = 0; i < 3; i++) await Keys.AddAsync(Scope(tenant.Id), NewKey(tenant.Id), Record(tenant.Id, "key.create"), Ct);
        }

        var given = (await Keys.ListAsync(Scope(a.Id), null, First(1), Ct)).Next!;
        Assert.Equal(2, (await Keys.ListAsync(Scope(a.Id), null, new(10, given), Ct)).Items.Count);
        var changed = (given[0] == 'A' ? 'B' : 'A') + given[1..];
        foreach (var text in new[] { "", "x", "../../etc/passwd", new string('A', 5000), changed, given + "A", (await Tenants.ListAsync(new(), First(1), Ct)).Next! })
        {
            var refused = await Assert.ThrowsAsync<FaultException>(() => Keys.ListAsync(Scope(a.Id), null, new(10, text), Ct));
            Assert.Equal(("invalid_page", "page", FaultKind.Invalid), (refused.Fault.Code, refused.Fault.Field, refused.Fault.Kind));
        }

        await Assert.ThrowsAsync<FaultException>(() => Keys.ListAsync(Scope(b.Id), null, new(10, given), Ct));
    }

    [Fact]
    public async Task A_foreign_key_looks_like_none()
    {
        var a = await AddTenant("a");
        var b = await AddTenant("b");
        var key = NewKey(b.Id);
        await Keys.AddAsync(Scope(b.Id), key, Record(b.Id, "key.create"), Ct);

        Assert.Null(await Keys.FindAsync(Scope(a.Id), key.Id, Ct));
        Assert.False(await Keys.RevokeAsync(Scope(a.Id), key.Id, Start, Record(a.Id, "key.revoke"), Ct));
        Assert.False(await Keys.RotateAsync(Scope(a.Id), key.Id, NewKey(a.Id), Start, Record(a.Id, "key.rotate"), Ct));
        Assert.Empty((await Keys.ListAsync(Scope(a.Id), null, First(10), Ct)).Items);
        await Assert.ThrowsAsync<ArgumentException>(() => Keys.AddAsync(Scope(a.Id), NewKey(b.Id), Record(a.Id, "key.create"), Ct));
        Equal(key, await Keys.FindAsync(Scope(b.Id), key.Id, Ct));
        Assert.Single((await Audit.ListAsync(a.Id, First(10), Ct)).Items);
    }

    [Fact]
    public async Task A_key_is_revoked_once()
    {
        var key = await AddKey();
        Assert.True(await Keys.RevokeAsync(Scope(key.Tenant), key.Id, Start, Record(key.Tenant, "key.revoke"), Ct));
        Assert.False(await Keys.RevokeAsync(Scope(key.Tenant), key.Id, Start.AddDays(1), Record(key.Tenant, "key.revoke"), Ct));
        Equal(key with { RevokedAt = Start }, await Keys.FindAsync(Scope(key.Tenant), key.Id, Ct));
        Assert.Single((await Audit.ListAsync(key.Tenant, First(10), Ct)).Items, static r => r.Action == "key.revoke");
    }

    [Fact]
    public async Task A_key_is_rotated_once_and_never_lives_longer_by_it()
    {
        var key = await AddKey(Start.AddHours(1));
        var next = NewKey(key.Tenant) with { Limits = new CallerLimits { RequestsPerMinute = 5, RunsPerMinute = 1 } };
        Assert.True(await Keys.RotateAsync(Scope(key.Tenant), key.Id, next, Start.AddHours(24), Record(key.Tenant, "key.rotate"), Ct));
        Equal(key with { RotatedTo = next.Id }, await Keys.FindAsync(Scope(key.Tenant), key.Id, Ct));
        Equal(next, (await Keys.FindByHandleAsync(next.Handle, Ct))?.Key);

        Assert.False(await Keys.RotateAsync(Scope(key.Tenant), key.Id, NewKey(key.Tenant), Start, Record(key.Tenant, "key.rotate"), Ct));
        Assert.Equal(2, (await Keys.ListAsync(Scope(key.Tenant), null, First(10), Ct)).Items.Count);

        var last = NewKey(key.Tenant);
        Assert.True(await Keys.RotateAsync(Scope(key.Tenant), next.Id, last, Start.AddHours(24), Record(key.Tenant, "key.rotate"), Ct));
        Assert.Equal(Start.AddHours(24), (await Keys.FindAsync(Scope(key.Tenant), next.Id, Ct))!.ExpiresAt);
    }

    [Fact]
    public async Task Five_hundred_keys_at_once_with_room_for_one_add_one_and_one_that_ended_makes_room()
    {
        var tenant = (await AddKey(Start.AddHours(1))).Tenant;
        var lasting = NewKey(tenant);
        IApiKeyStore[] nodes = [Keys, .. (await OtherNodesAsync()).Select(static node => node.GetRequiredService<IApiKeyStore>())];
        await Keys.AddAsync(Scope(tenant), lasting, Record(tenant, "key.create"), Ct);
        await OneOfManyAsync(Start);
        Assert.Equal(3, await Keys.CountAsync(tenant, Start, Ct));
        await OneOfManyAsync(Start.AddHours(2));
        await Keys.RevokeAsync(Scope(tenant), lasting.Id, Start.AddHours(2), Record(tenant, "key.revoke"), Ct);
        await OneOfManyAsync(Start.AddHours(2));

        async Task OneOfManyAsync(DateTimeOffset at)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 500).Select(call => Task.Run(
                () => nodes[call % nodes.Length].AddAsync(Scope(tenant), NewKey(tenant) with { CreatedAt = at }, 3, Record(tenant, "key.create"), Ct), Ct)));
            Assert.Single(results, static result => result.Fault is null);
            Assert.All(results, static result => Assert.True(result.Fault is null or { Code: "quota_exceeded", Field: "limits.keys" }));
        }
    }

    [Fact]
    public async Task Last_use_only_moves_forward()
    {
        var key = await AddKey();
        await Keys.TouchAsync(new Dictionary<(Id<Tenant>, Id<ApiKey>), DateTimeOffset> { [(key.Tenant, key.Id)] = Start.AddMinutes(2), [(key.Tenant, Id<ApiKey>.New())] = Start }, Ct);
        await Keys.TouchAsync(new Dictionary<(Id<Tenant>, Id<ApiKey>), DateTimeOffset> { [(key.Tenant, key.Id)] = Start.AddMinutes(1), [(Id<Tenant>.New(), key.Id)] = Start.AddMinutes(9) }, Ct);
        Assert.Equal(Start.AddMinutes(2), (await Keys.FindAsync(Scope(key.Tenant), key.Id, Ct))!.LastUsedAt);
    }

    [Fact]
    public async Task Operator_keys_and_plans_are_kept()
    {
        var operators = _stores.GetRequiredService<IOperatorKeyStore>();
        var key = new OperatorKey(Base62.Random(12), [1, 2, 3], 1, Start);
        await operators.AddAsync(key, Record(null, "operator_key.create"), Ct);
        var read = Assert.Single(await operators.AllAsync(Ct));
        Assert.Equal(key.Hash, read.Hash);
        Assert.Equal(key, read with { Hash = key.Hash });

        var plans = _stores.GetRequiredService<IPlanStore>();
        var plan = new Plan("gold", "The best", new(1, 2, 3, 4, 5, 6, long.MaxValue), ["a", "b"], Placement.Schema);
        await plans.PutAsync(plan with { Description = "Old", Placement = null }, Record(null, "plan.put"), Ct);
        await plans.PutAsync(plan, Record(null, "plan.put"), Ct);
        var stored = Assert.Single(await plans.AllAsync(Ct));
        Assert.Equal((plan.Name, plan.Description, plan.Limits, plan.Placement), (stored.Name, stored.Description, stored.Limits, stored.Placement));
        Assert.Equal(plan.Features, stored.Features);
        await plans.PutAsync(plan with { Placement = null }, Record(null, "plan.put"), Ct);
        Assert.Null(Assert.Single(await plans.AllAsync(Ct)).Placement);
        Assert.Equal(["plan.put", "plan.put", "plan.put", "operator_key.create"], (await Audit.ListAsync(null, First(10), Ct)).Items.Select(static r => r.Action));
    }

    [Fact]
    public async Task Every_version_of_a_price_is_kept_in_the_order_of_their_putting()
    {
        var prices = _stores.GetRequiredService<IPriceStore>();
        var first = new Price("a/m*", "price_2", Start.AddDays(9), new Rates(1, 2, 3, 4, 5, 6, 7)) { SetAt = Start };
        var second = first with { Version = "price_1", From = Start, Rates = new Rates(Rates.Max), Ceiling = true, SetAt = Start.AddTicks(10) };
        await prices.AddAsync(first, Record(null, "price.put"), Ct);
        await prices.AddAsync(second, Record(null, "price.put"), Ct);
        Assert.Equal([first, second], await prices.AllAsync(Ct));
        Assert.Equal(["price.put", "price.put"], (await Audit.ListAsync(null, First(10), Ct)).Items.Select(static r => r.Action));
    }

    [Fact]
    public async Task Each_trail_is_listed_apart_and_newest_first()
    {
        var a = (await AddTenant("a")).Id;
        var b = (await AddTenant("b")).Id;
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Audit.AppendAsync(Record(i % 2 == 0 ? a : b, $"step.{i}"), Ct)));
        await Audit.AppendAsync(Record(a, "last") with { Detail = "words" }, Ct);

        var trail = await Walk(page => Audit.ListAsync(a, page, Ct), 2);
        Assert.Equal(7, trail.Count);
        Assert.Equal(("last", "words"), (trail[0].Action, trail[0].Detail));
        Assert.Equal("tenant.create", trail[^1].Action);
        Assert.All(trail, record => Assert.Equal(a, record.Tenant));
    }

    [Fact]
    public async Task A_write_that_was_cancelled_before_it_began_did_not_happen()
    {
        var tenant = NewTenant("cancelled");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Tenants.AddAsync(tenant, null, Record(tenant.Id, "tenant.create"), new CancellationToken(true)));
        Assert.Null(await Tenants.FindAsync(tenant.Id, Ct));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1001)]
    public async Task A_page_size_out_of_range_is_refused(int limit)
    {
        var refused = await Assert.ThrowsAsync<FaultException>(() => Tenants.ListAsync(new(), new(limit, null), Ct));
        Assert.Equal("limit", refused.Fault.Field);
    }

    private static PageRequest First(int limit) => new(limit, null);

    private static TenantScope Scope(Id<Tenant> tenant) => SystemTask.Provision.For(tenant);

    private static AuditRecord Record(Id<Tenant>? tenant, string action) => new(tenant, Operator, action, "target", null, Start);

    private static Tenant NewTenant(string name) =>
        new(Id<Tenant>.New(), name, "a@example.org", "free", Placement.File, "main", TenantStatus.Active, LimitOverrides.None, Start, Start, null, null);

    private static ApiKey NewKey(Id<Tenant> tenant) =>
        new(Id<ApiKey>.New(), tenant, "key", Base62.Random(12), [0, 255, 3], 1, Permissions.All, Start, null, null, null, null);

    private static void Equal(ApiKey expected, ApiKey? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Hash, actual.Hash);
        Assert.Equal(expected, actual with { Hash = expected.Hash });
    }

    private static async Task<List<T>> Walk<T>(Func<PageRequest, Task<Page<T>>> list, int limit)
    {
        List<T> all = [];
        string? after = null;
        do
        {
            var page = await list(new(limit, after));
            Assert.True(page.Items.Count <= limit && (page.Next is null || page.Items.Count == limit));
            all.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        return all;
    }

    private async Task<Tenant> AddTenant(string name)
    {
        var tenant = NewTenant(name);
        await Tenants.AddAsync(tenant, null, Record(tenant.Id, "tenant.create"), Ct);
        return tenant;
    }

    private async Task<ApiKey> AddKey(DateTimeOffset? expires = null)
    {
        var key = NewKey((await AddTenant("owner")).Id) with { ExpiresAt = expires };
        await Keys.AddAsync(Scope(key.Tenant), key, Record(key.Tenant, "key.create"), Ct);
        return key;
    }
}
