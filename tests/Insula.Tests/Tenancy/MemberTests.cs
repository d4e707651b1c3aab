using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.RateLimits;

namespace Insula.Tests.Tenancy;

public sealed class MemberTests : IAsyncLifetime
{
    private static readonly string[] AllScopes = ["read", "write", "admin"];

    private Installation _insula = null!;

    /// <summary>Acts by a key of nobody with every scope.</summary>
    private TenantScope _scope = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _insula = await Installation.StartAsync();
        _scope = await _insula.ScopeOfAsync((await _insula.CreateTenantAsync()).OwnerKey);
    }

    public ValueTask DisposeAsync() => _insula.DisposeAsync();

    [Theory]
    [InlineData(MemberRole.Viewer, Permissions.Read, Permissions.Read)]
    [InlineData(MemberRole.Member, Permissions.Read | Permissions.Write, Permissions.Read | Permissions.Write)]
    [InlineData(MemberRole.Admin, Permissions.Read | Permissions.Write, Permissions.All)]
    [InlineData(MemberRole.Owner, Permissions.Read | Permissions.Write, Permissions.All)]
    public async Task A_members_key_may_do_what_the_role_allows_and_no_more(MemberRole role, Permissions unasked, Permissions most)
    {
        var member = await _insula.AddMemberAsync(_scope, role);
        var key = await _insula.CreateKeyAsync(_scope, member);
        var acts = await _insula.ScopeOfAsync(key);
        Assert.Equal((unasked, unasked, member), (key.Key.Permissions, acts.Permissions, acts.Member));
        var strong = await _insula.CreateKeyAsync(_scope, member, [.. PermissionNames.Of(most)]);
        Assert.Equal(most, (await _insula.ScopeOfAsync(strong)).Permissions);

        var refused = (await _insula.Get<CreateApiKey>().RunAsync(_scope, new ApiKeyRequest("k", AllScopes, Member: member.Id), Ct)).Fault;
        if (most == Permissions.All)
        {
            Assert.Null(refused);
            return;
        }

        Assert.Equal(("role_lacks_scope", "scopes"), (refused?.Code, refused?.Field));
        Assert.Contains($"is {MemberRoles.NameOf(role)}, whose keys may have the scopes {string.Join(" and ", PermissionNames.Of(most))}, and not", refused!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_role_that_is_lowered_or_raised_holds_from_the_next_call_on_and_never_gives_a_scope_that_the_key_lacks()
    {
        var member = await _insula.AddMemberAsync(_scope, MemberRole.Admin);
        var (strong, weak) = (await _insula.CreateKeyAsync(_scope, member, AllScopes), await _insula.CreateKeyAsync(_scope, member, "read"));
        Assert.Equal((Permissions.All, Permissions.Read), await SeenAsync());
        await ChangeAsync(member, new MemberChange(Role: MemberRole.Viewer));
        Assert.Equal((Permissions.Read, Permissions.Read), await SeenAsync());
        Assert.Contains("while its member is viewer", (await _insula.ScopeOfAsync(strong)).Lacks(Permissions.Write)!.Message, StringComparison.Ordinal);
        await ChangeAsync(member, new MemberChange(Role: MemberRole.Owner));
        Assert.Equal((Permissions.All, Permissions.Read), await SeenAsync());

        async Task<(Permissions Strong, Permissions Weak)> SeenAsync() => ((await _insula.ScopeOfAsync(strong)).Permissions, (await _insula.ScopeOfAsync(weak)).Permissions);
    }

    [Fact]
    public async Task A_removed_member_leaves_no_key_in_force_and_its_streams_are_told_to_end()
    {
        var (member, other) = (await _insula.AddMemberAsync(_scope, MemberRole.Member), await _insula.AddMemberAsync(_scope, MemberRole.Member));
        CreatedApiKey[] keys = [await _insula.CreateKeyAsync(_scope, member), await _insula.CreateKeyAsync(_scope, member, "read")];
        var (others, nobodys) = (await _insula.CreateKeyAsync(_scope, other), await _insula.CreateKeyAsync(_scope, "read"));
        var successor = (await _insula.Get<RotateApiKey>().RunAsync(_scope, keys[0].Key.Id, null, Ct)).Value;
        Assert.Equal(member.Id, successor.Key.Member);
        keys = [.. keys, successor];
        foreach (var key in keys) Assert.Null((await _insula.SignInAsync(key.Secret)).Fault);
        var heard = new List<AccessChange>();
        using var subscription = _insula.Get<AccessSignals>().Subscribe(heard.Add);

        var removed = (await _insula.Get<RemoveMember>().RunAsync(_scope, member.Id, Ct)).Value;
        foreach (var key in keys) Assert.Equal(Authenticate.InvalidKey, (await _insula.SignInAsync(key.Secret)).Fault);
        foreach (var key in (CreatedApiKey[])[others, nobodys]) Assert.Null((await _insula.SignInAsync(key.Secret)).Fault);
        Assert.Equal(keys.Select(key => new KeyEnded(_scope.Tenant, key.Key.Id)).ToHashSet<AccessChange>(), heard.ToHashSet());

        _insula.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(removed, (await _insula.Get<RemoveMember>().RunAsync(_scope, member.Id, Ct)).Value);
        Assert.Equal(removed, (await _insula.Get<ShowMember>().RunAsync(_scope, member.Id, Ct)).Value);
        Assert.Equal("member_removed", (await _insula.Get<UpdateMember>().RunAsync(_scope, member.Id, new MemberChange(Name: "x"), Ct)).Fault?.Code);
        Assert.Equal(MemberFaults.Unknown, (await _insula.Get<CreateApiKey>().RunAsync(_scope, new ApiKeyRequest("k", Member: member.Id), Ct)).Fault);
        Assert.Equal(["member.remove", "key.rotate"], (await TrailAsync()).Take(2).Select(static record => record.Action));
    }

    [Fact]
    public async Task Below_owner_nobody_makes_changes_or_removes_an_owner_or_gets_a_key_that_could()
    {
        var (owner, admin) = (await _insula.AddMemberAsync(_scope, MemberRole.Owner), await _insula.AddMemberAsync(_scope, MemberRole.Admin));
        var owners = await _insula.CreateKeyAsync(_scope, owner, AllScopes);
        var nobodys = await _insula.CreateKeyAsync(_scope, AllScopes);
        var scope = await _insula.ScopeOfAsync(await _insula.CreateKeyAsync(_scope, admin, AllScopes));
        Fault?[] refusals =
        [
            (await _insula.Get<AddMember>().RunAsync(scope, new MemberRequest("x", Role: MemberRole.Owner), Ct)).Fault,
            (await _insula.Get<UpdateMember>().RunAsync(scope, admin.Id, new MemberChange(Role: MemberRole.Owner), Ct)).Fault,
            (await _insula.Get<UpdateMember>().RunAsync(scope, owner.Id, new MemberChange(Role: MemberRole.Viewer), Ct)).Fault,
            (await _insula.Get<UpdateMember>().RunAsync(scope, owner.Id, new MemberChange(Name: "x"), Ct)).Fault,
            (await _insula.Get<RemoveMember>().RunAsync(scope, owner.Id, Ct)).Fault,
            (await _insula.Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("k", ["read"], Member: owner.Id), Ct)).Fault,
            (await _insula.Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("k", ["admin"]), Ct)).Fault,
            (await _insula.Get<RotateApiKey>().RunAsync(scope, owners.Key.Id, null, Ct)).Fault,
            (await _insula.Get<RotateApiKey>().RunAsync(scope, nobodys.Key.Id, null, Ct)).Fault,
        ];
        Assert.All(refusals, static fault => Assert.Equal("owner_needed", fault?.Code));

        Assert.Null((await _insula.Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("k", ["read"]), Ct)).Fault);
        Assert.Null((await _insula.Get<AddMember>().RunAsync(scope, new MemberRequest("x", Role: MemberRole.Admin), Ct)).Fault);
        Assert.Null((await _insula.Get<UpdateMember>().RunAsync(await _insula.ScopeOfAsync(owners), admin.Id, new MemberChange(Role: MemberRole.Owner), Ct)).Fault);
        Assert.Null((await _insula.Get<RemoveMember>().RunAsync(_scope, owner.Id, Ct)).Fault);
    }

    [Fact]
    public async Task Without_the_admin_scope_a_key_sees_its_own_member_and_manages_none()
    {
        var (own, other) = (await _insula.AddMemberAsync(_scope, MemberRole.Member), await _insula.AddMemberAsync(_scope, MemberRole.Member));
        var scope = await _insula.ScopeOfAsync(await _insula.CreateKeyAsync(_scope, own));
        Assert.Equal(own, (await _insula.Get<ShowMember>().RunAsync(scope, own.Id, Ct)).Value);
        Fault?[] refusals =
        [
            (await _insula.Get<ShowMember>().RunAsync(scope, other.Id, Ct)).Fault,
            (await _insula.Get<ListMembers>().RunAsync(scope, new MemberFilter(), new PageRequest(10, null), Ct)).Fault,
            (await _insula.Get<AddMember>().RunAsync(scope, new MemberRequest("x"), Ct)).Fault,
            (await _insula.Get<UpdateMember>().RunAsync(scope, own.Id, new MemberChange(Name: "x"), Ct)).Fault,
            (await _insula.Get<RemoveMember>().RunAsync(scope, own.Id, Ct)).Fault,
        ];
        Assert.All(refusals, static fault => Assert.Equal("missing_scope", fault?.Code));
    }

    [Fact]
    public async Task Bad_fields_are_named_and_an_email_is_kept_in_lower_case_and_taken_once()
    {
        (MemberRequest Request, string Field)[] cases =
        [
            (new MemberRequest(null), "name"),
            (new MemberRequest(new string('x', 101)), "name"),
            (new MemberRequest("x", ""), "email"),
            (new MemberRequest("x", "nobody"), "email"),
            (new MemberRequest("x", "a@b@c"), "email"),
            (new MemberRequest("x", "@b"), "email"),
            (new MemberRequest("x", "a b@c"), "email"),
            (new MemberRequest("x", $"{new string('x', 250)}@b.ch"), "email"),
            (new MemberRequest("x", Limits: new CallerLimits { RunsPerMinute = 0 }), "limits.runs_per_minute"),
        ];
        foreach (var (request, field) in cases) Assert.Equal((FaultKind.Invalid, field), (await AddAsync(request)) is { } fault ? (fault.Kind, fault.Field) : default);

        Assert.Null(await AddAsync(new MemberRequest("Ada", " Ada@Example.ORG ")));
        Assert.Equal((FaultKind.Conflict, "email_taken", "email"), (await AddAsync(new MemberRequest("Bob", "ada@EXAMPLE.org"))) is { } taken ? (taken.Kind, taken.Code, taken.Field) : default);
        var ada = Assert.Single((await _insula.Get<ListMembers>().RunAsync(_scope, new MemberFilter(), new PageRequest(10, null), Ct)).Value.Items);
        Assert.Equal("ada@example.org", ada.Email);
        await _insula.Get<RemoveMember>().RunAsync(_scope, ada.Id, Ct);
        Assert.Null(await AddAsync(new MemberRequest("Ada again", "ada@example.org")));

        async Task<Fault?> AddAsync(MemberRequest request) => (await _insula.Get<AddMember>().RunAsync(_scope, request, Ct)).Fault;
    }

    [Fact]
    public async Task The_trail_says_what_changed_and_a_change_that_changes_nothing_leaves_no_record()
    {
        var member = await _insula.AddMemberAsync(_scope, MemberRole.Member);
        await ChangeAsync(member, new MemberChange("Ada", MemberRole.Member));
        await ChangeAsync(member, new MemberChange("Eve", MemberRole.Viewer, ReplacesLimits: true, new CallerLimits { RunsPerMinute = 3 }));
        Assert.Equal(3, (await _insula.Get<ShowMember>().RunAsync(_scope, member.Id, Ct)).Value.Limits?.RunsPerMinute);
        await ChangeAsync(member, new MemberChange(ReplacesLimits: true));
        Assert.Null((await _insula.Get<ShowMember>().RunAsync(_scope, member.Id, Ct)).Value.Limits);
        var key = await _insula.CreateKeyAsync(_scope, member);

        Assert.Equal(
            [("key.create", $"read, for {member.Id}"), ("member.update", "limits"), ("member.update", "name, role member to viewer, limits"), ("member.add", "role member")],
            (await TrailAsync()).Take(4).Select(static record => (record.Action, record.Detail!)));
        Assert.Equal(key.Key.Id.ToString(), (await TrailAsync())[0].Target);
        Assert.Equal(member.Id.ToString(), (await TrailAsync())[1].Target);
    }

    private async Task ChangeAsync(Member member, MemberChange change) => Assert.Null((await _insula.Get<UpdateMember>().RunAsync(_scope, member.Id, change, Ct)).Fault);

    private async Task<IReadOnlyList<AuditRecord>> TrailAsync() => (await _insula.Get<IAuditLog>().ListAsync(_scope.Tenant, new PageRequest(20, null), Ct)).Items;
}
