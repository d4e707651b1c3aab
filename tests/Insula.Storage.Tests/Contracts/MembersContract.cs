using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every control store promises of members and of their keys, however many nodes use it at once.</summary>
public abstract class MembersContract : IAsyncLifetime
{
    private const int Calls = 500;
    private const int Rounds = 12;
    private const int RotatedKeys = 5;

    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    private readonly TenantScope _scope = SystemTask.Provision.For(Id<Tenant>.New());
    private readonly TenantScope _stranger = SystemTask.Provision.For(Id<Tenant>.New());
    private IServiceProvider[] _nodes = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IMemberStore Members => _nodes[0].GetRequiredService<IMemberStore>();

    private IApiKeyStore Keys => _nodes[0].GetRequiredService<IApiKeyStore>();

    public async ValueTask InitializeAsync()
    {
        _nodes = [.. await OpenAsync()];
        foreach (var scope in (TenantScope[])[_scope, _stranger])
        {
            var tenant = new Tenant(scope.Tenant, "t", null, "free", Placement.File, "main", TenantStatus.Active, LimitOverrides.None, Start, Start, null, null);
            await _nodes[0].GetRequiredService<ITenantDirectory>().AddAsync(tenant, null, Record("tenant.create", scope), Ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The store as each of its nodes opens it.</summary>
    protected abstract Task<IReadOnlyList<IServiceProvider>> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task A_member_is_kept_listed_replaced_and_found_with_its_key()
    {
        var first = await AddAsync(New("Größe 🌊") with { Email = "a@example.org", Limits = new CallerLimits { RunsPerMinute = 2 } });
        var second = await AddAsync(New("b") with { Role = MemberRole.Owner, CreatedAt = Start.AddSeconds(1) });
        var third = await AddAsync(New("c") with { Role = MemberRole.Viewer, CreatedAt = Start.AddSeconds(2) });
        Assert.Equal(first, await Members.FindAsync(_scope, first.Id, Ct));
        Assert.Equal(3, await Members.CountAsync(_scope.Tenant, Ct));

        var page = await Members.ListAsync(_scope, new MemberFilter(), new PageRequest(2, null), Ct);
        Assert.Equal([third, second], page.Items);
        Assert.Equal([first], (await Members.ListAsync(_scope, new MemberFilter(), new PageRequest(2, page.Next), Ct)).Items);
        Assert.Equal([second], (await Members.ListAsync(_scope, new MemberFilter(MemberRole.Owner), new PageRequest(9, null), Ct)).Items);

        var (key, others) = (await AddKeyAsync(first), await AddKeyAsync(second));
        Assert.Equal(first, (await Keys.FindByHandleAsync(key.Handle, Ct))?.Member);
        Assert.Equal(first.Id, (await Keys.FindAsync(_scope, key.Id, Ct))?.Member);
        Assert.Equal([key.Id], (await Keys.ListAsync(_scope, first.Id, new PageRequest(9, null), Ct)).Items.Select(static one => one.Id));
        Assert.Equal([others.Id], (await Keys.ListAsync(_scope, second.Id, new PageRequest(9, null), Ct)).Items.Select(static one => one.Id));
        Assert.Equal(2, (await Keys.ListAsync(_scope, null, new PageRequest(9, null), Ct)).Items.Count);

        var changed = first with { Name = "a", Role = MemberRole.Admin, Limits = null };
        Assert.True(await Members.ReplaceAsync(_scope, first, changed, Record("member.update"), Ct));
        Assert.Equal(changed, (await Keys.FindByHandleAsync(key.Handle, Ct))?.Member);
        Assert.False(await Members.ReplaceAsync(_scope, first, first with { Name = "late" }, Record("member.update"), Ct));
        Assert.Null(await Members.RemoveAsync(_scope, first, Start, Record("member.remove"), Ct));
        Assert.Equal(changed, await Members.FindAsync(_scope, first.Id, Ct));
        Assert.Equal(["member.update", "key.create", "key.create", "member.add", "member.add", "member.add", "tenant.create"], (await TrailAsync()).Select(static record => record.Action));
    }

    [Fact]
    public async Task A_removed_member_keeps_its_line_and_takes_its_keys_with_it()
    {
        var member = await AddAsync(New("a") with { Email = "a@example.org" });
        var (key, ended) = (await AddKeyAsync(member), await AddKeyAsync(member));
        await Keys.RevokeAsync(_scope, ended.Id, Start, Record("key.revoke"), Ct);

        Assert.Equal([key.Id], await Members.RemoveAsync(_scope, member, Start.AddHours(1), Record("member.remove"), Ct));
        var removed = member with { RemovedAt = Start.AddHours(1) };
        Assert.Equal(removed, await Members.FindAsync(_scope, member.Id, Ct));
        Assert.Equal((Start.AddHours(1), Start), ((await Keys.FindAsync(_scope, key.Id, Ct))?.RevokedAt, (await Keys.FindAsync(_scope, ended.Id, Ct))?.RevokedAt));
        Assert.Equal(0, await Members.CountAsync(_scope.Tenant, Ct));
        Assert.Empty((await Members.ListAsync(_scope, new MemberFilter(), new PageRequest(9, null), Ct)).Items);
        Assert.Equal([removed], (await Members.ListAsync(_scope, new MemberFilter(Removed: true), new PageRequest(9, null), Ct)).Items);
        Assert.Null(await Members.RemoveAsync(_scope, member, Start.AddHours(2), Record("member.remove"), Ct));
        Assert.Equal(MemberFaults.Unknown, (await Keys.AddAsync(_scope, NewKey(member), int.MaxValue, Record("key.create"), Ct)).Fault);
        Assert.False(await Keys.RotateAsync(_scope, key.Id, NewKey(member), Start, Record("key.rotate"), Ct));
        await AddAsync(New("a again") with { Email = "a@example.org" });
    }

    [Fact]
    public async Task Keys_made_and_rotated_while_their_member_is_removed_are_refused_or_end_with_it()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var member = await AddAsync(New("a"));
            List<ApiKey> old = [];
            while (old.Count < RotatedKeys) old.Add(await AddKeyAsync(member));
            List<Func<IServiceProvider, Task>> work =
            [
                .. old.Select(key => (Func<IServiceProvider, Task>)(node => node.GetRequiredService<IApiKeyStore>().RotateAsync(_scope, key.Id, NewKey(member), Start.AddYears(1), Record("key.rotate"), Ct))),
                .. old.Select(_ => (Func<IServiceProvider, Task>)(node => node.GetRequiredService<IApiKeyStore>().AddAsync(_scope, NewKey(member), int.MaxValue, Record("key.create"), Ct))),
            ];
            work.Insert(round % work.Count, node => node.GetRequiredService<IMemberStore>().RemoveAsync(_scope, member, Start, Record("member.remove"), Ct));
            await Task.WhenAll(work.Select((call, i) => Task.Run(() => call(At(i)), Ct)));
            Assert.All((await Keys.ListAsync(_scope, member.Id, new PageRequest(99, null), Ct)).Items, static key => Assert.Equal(Start, key.RevokedAt));
        }
    }

    [Fact]
    public async Task Five_hundred_members_at_once_with_room_for_one_add_one_and_one_that_is_removed_makes_room()
    {
        var (first, _) = (await AddAsync(New("a")), await AddAsync(New("b")));
        await OneOfManyAsync();
        Assert.NotNull(await Members.RemoveAsync(_scope, first, Start, Record("member.remove"), Ct));
        await OneOfManyAsync();
        Assert.Equal(3, await Members.CountAsync(_scope.Tenant, Ct));

        async Task OneOfManyAsync()
        {
            var results = await Task.WhenAll(Enumerable.Range(0, Calls).Select(call => Task.Run(
                () => At(call).GetRequiredService<IMemberStore>().AddAsync(_scope, New("x"), 3, Record("member.add"), Ct), Ct)));
            Assert.Single(results, static result => result.Fault is null);
            Assert.All(results, static result => Assert.True(result.Fault is null or { Code: "quota_exceeded", Field: "limits.members" }));
        }
    }

    [Fact]
    public async Task Of_many_members_that_are_added_at_once_with_one_email_one_has_it()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, Calls).Select(call => Task.Run(
            () => At(call).GetRequiredService<IMemberStore>().AddAsync(_scope, New("x") with { Email = "a@example.org" }, int.MaxValue, Record("member.add"), Ct), Ct)));
        Assert.Single(results, static result => result.Fault is null);
        Assert.All(results, static result => Assert.True(result.Fault is null || result.Fault == MemberFaults.EmailTaken));
        Assert.Null((await Members.AddAsync(_stranger, New("x", _stranger) with { Email = "a@example.org" }, 1, Record("member.add", _stranger), Ct)).Fault);
    }

    [Fact]
    public async Task A_foreign_member_looks_like_none()
    {
        var member = await AddAsync(New("a"));
        await AddKeyAsync(member);
        Assert.Null(await Members.FindAsync(_stranger, member.Id, Ct));
        Assert.Empty((await Members.ListAsync(_stranger, new MemberFilter(Removed: true), new PageRequest(9, null), Ct)).Items);
        Assert.Empty((await Keys.ListAsync(_stranger, member.Id, new PageRequest(9, null), Ct)).Items);
        Assert.Equal(0, await Members.CountAsync(_stranger.Tenant, Ct));
        Assert.Equal(MemberFaults.Unknown, (await Keys.AddAsync(_stranger, NewKey(member) with { Tenant = _stranger.Tenant }, int.MaxValue, Record("key.create", _stranger), Ct)).Fault);
        var posing = member with { Tenant = _stranger.Tenant };
        Assert.False(await Members.ReplaceAsync(_stranger, posing, posing with { Name = "x" }, Record("member.update", _stranger), Ct));
        Assert.Null(await Members.RemoveAsync(_stranger, posing, Start, Record("member.remove", _stranger), Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => Members.AddAsync(_stranger, New("x"), 9, Record("member.add", _stranger), Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => Members.ReplaceAsync(_stranger, member, member with { Name = "x" }, Record("member.update", _stranger), Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => Members.RemoveAsync(_stranger, member, Start, Record("member.remove", _stranger), Ct));
        Assert.Equal(member, await Members.FindAsync(_scope, member.Id, Ct));
        await Assert.ThrowsAsync<FaultException>(async () => await Members.ListAsync(_stranger, new MemberFilter(), new PageRequest(9, (await CursorAsync())!), Ct));
    }

    private async Task<string?> CursorAsync()
    {
        await AddAsync(New("b"));
        return (await Members.ListAsync(_scope, new MemberFilter(), new PageRequest(1, null), Ct)).Next;
    }

    private IServiceProvider At(int call) => _nodes[call % _nodes.Length];

    private async Task<Member> AddAsync(Member member)
    {
        Assert.Null((await Members.AddAsync(_scope, member, int.MaxValue, Record("member.add"), Ct)).Fault);
        return member;
    }

    private async Task<ApiKey> AddKeyAsync(Member member)
    {
        var key = NewKey(member);
        await Keys.AddAsync(_scope, key, Record("key.create"), Ct);
        return key;
    }

    private async Task<IReadOnlyList<AuditRecord>> TrailAsync() => (await _nodes[0].GetRequiredService<IAuditLog>().ListAsync(_scope.Tenant, new PageRequest(99, null), Ct)).Items;

    private Member New(string name, TenantScope? scope = null) => new(Id<Member>.New(), (scope ?? _scope).Tenant, name, null, MemberRole.Member, Start, null);

    private static ApiKey NewKey(Member member) =>
        new(Id<ApiKey>.New(), member.Tenant, "key", Base62.Random(12), [0, 255, 3], 1, Permissions.All, Start, null, null, null, null) { Member = member.Id };

    private AuditRecord Record(string action, TenantScope? scope = null) => new((scope ?? _scope).Tenant, _scope.Principal, action, "target", null, Start);
}
