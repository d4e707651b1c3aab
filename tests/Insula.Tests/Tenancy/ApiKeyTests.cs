using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tests.Tenancy;

public sealed class ApiKeyTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task New_key_reads_and_writes_unless_it_says_otherwise()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        var created = (await installation.Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("  ci  "), Ct)).Value;
        Assert.Equal(("ci", Permissions.Read | Permissions.Write), (created.Key.Name, created.Key.Permissions));
        Assert.Equal(created.Key.Permissions, (await installation.ScopeOfAsync(created)).Permissions);
    }

    [Fact]
    public async Task Keys_without_the_admin_scope_manage_no_keys()
    {
        await using var installation = await Installation.StartAsync();
        var (_, owner) = await installation.CreateTenantAsync();
        var admin = await installation.ScopeOfAsync(owner);
        var writer = await installation.ScopeOfAsync(await installation.CreateKeyAsync(admin, "read", "write"));
        var page = new PageRequest(10, null);

        Fault?[] refusals =
        [
            (await installation.Get<CreateApiKey>().RunAsync(writer, new ApiKeyRequest("x"), Ct)).Fault,
            (await installation.Get<ListApiKeys>().RunAsync(writer, null, page, Ct)).Fault,
            (await installation.Get<ShowApiKey>().RunAsync(writer, owner.Key.Id, Ct)).Fault,
            (await installation.Get<RotateApiKey>().RunAsync(writer, owner.Key.Id, null, Ct)).Fault,
            (await installation.Get<RevokeApiKey>().RunAsync(writer, owner.Key.Id, Ct)).Fault,
        ];
        Assert.All(refusals, static fault => Assert.Equal("missing_scope", fault?.Code));
        Assert.Null((await installation.SignInAsync(owner.Secret)).Fault);
    }

    [Fact]
    public async Task No_key_gives_or_rotates_itself_into_scopes_that_its_user_lacks()
    {
        await using var installation = await Installation.StartAsync();
        var (_, owner) = await installation.CreateTenantAsync();
        var admin = await installation.ScopeOfAsync(owner);
        var onlyAdmin = await installation.ScopeOfAsync(await installation.CreateKeyAsync(admin, "admin", "read"));

        Assert.Equal("scope_not_held", (await installation.Get<CreateApiKey>().RunAsync(onlyAdmin, new ApiKeyRequest("x"), Ct)).Fault?.Code);
        Assert.Equal("scope_not_held", (await installation.Get<RotateApiKey>().RunAsync(onlyAdmin, owner.Key.Id, null, Ct)).Fault?.Code);
    }

    [Fact]
    public async Task Bad_fields_are_named()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        (ApiKeyRequest Request, string Field)[] cases =
        [
            (new ApiKeyRequest(null), "name"),
            (new ApiKeyRequest(new string('x', 101)), "name"),
            (new ApiKeyRequest("x", ["reed"]), "scopes"),
            (new ApiKeyRequest("x", []), "scopes"),
            (new ApiKeyRequest("x", [null!]), "scopes"),
            (new ApiKeyRequest("x", ExpiresAt: installation.Clock.GetUtcNow()), "expires_at"),
        ];
        foreach (var (request, field) in cases)
        {
            Assert.Equal(field, (await installation.Get<CreateApiKey>().RunAsync(scope, request, Ct)).Fault?.Field);
        }
    }

    [Fact]
    public async Task Rotated_key_works_beside_its_successor_until_the_overlap_ends()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        var old = await installation.CreateKeyAsync(scope, "read");
        await installation.SignInAsync(old.Secret);

        var successor = (await installation.Get<RotateApiKey>().RunAsync(scope, old.Key.Id, TimeSpan.FromHours(1), Ct)).Value;
        Assert.Equal((old.Key.Name, old.Key.Permissions), (successor.Key.Name, successor.Key.Permissions));
        installation.Clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(1));
        Assert.Null((await installation.SignInAsync(old.Secret)).Fault);
        Assert.Null((await installation.SignInAsync(successor.Secret)).Fault);

        installation.Clock.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(Authenticate.InvalidKey, (await installation.SignInAsync(old.Secret)).Fault);
        Assert.Null((await installation.SignInAsync(successor.Secret)).Fault);
    }

    [Fact]
    public async Task Rotation_without_overlap_ends_the_old_key_at_once()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        var old = await installation.CreateKeyAsync(scope, "read");
        await installation.SignInAsync(old.Secret);
        var heard = new List<AccessChange>();
        using var subscription = installation.Get<AccessSignals>().Subscribe(heard.Add);

        await installation.Get<RotateApiKey>().RunAsync(scope, old.Key.Id, TimeSpan.Zero, Ct);
        Assert.Equal(Authenticate.InvalidKey, (await installation.SignInAsync(old.Secret)).Fault);
        Assert.Equal([new KeyEnded(scope.Tenant, old.Key.Id)], heard);
    }

    [Fact]
    public async Task Rotation_outlives_neither_the_expiry_nor_the_key()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        var expires = installation.Clock.GetUtcNow().AddHours(2);
        var key = (await installation.Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("x", ExpiresAt: expires), Ct)).Value;
        var rotate = installation.Get<RotateApiKey>();

        var successor = (await rotate.RunAsync(scope, key.Key.Id, null, Ct)).Value;
        Assert.Equal(expires, successor.Key.ExpiresAt);
        Assert.Equal(expires, (await installation.Get<ShowApiKey>().RunAsync(scope, key.Key.Id, Ct)).Value.ExpiresAt);
        Assert.Equal("key_not_in_force", (await rotate.RunAsync(scope, key.Key.Id, null, Ct)).Fault?.Code);
        Assert.Equal("overlap_seconds", (await rotate.RunAsync(scope, key.Key.Id, TimeSpan.FromDays(31), Ct)).Fault?.Field);
        Assert.Equal("overlap_seconds", (await rotate.RunAsync(scope, key.Key.Id, TimeSpan.FromTicks(-1), Ct)).Fault?.Field);

        installation.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal("key_not_in_force", (await rotate.RunAsync(scope, successor.Key.Id, null, Ct)).Fault?.Code);
    }

    [Fact]
    public async Task Rotating_one_key_many_times_at_once_makes_one_successor()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        var key = await installation.CreateKeyAsync(scope, "read");

        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => installation.Get<RotateApiKey>().RunAsync(scope, key.Key.Id, null, Ct)));
        Assert.Single(results, static result => result.Fault is null);
        Assert.All(results.Where(static result => result.Fault is not null), static result => Assert.Equal("key_not_in_force", result.Fault!.Code));
        Assert.Equal(3, (await installation.Get<ListApiKeys>().RunAsync(scope, null, new PageRequest(10, null), Ct)).Value.Items.Count);
    }

    [Fact]
    public async Task Another_tenants_key_looks_like_none()
    {
        await using var installation = await Installation.StartAsync();
        var victim = await installation.CreateTenantAsync("Victim");
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync("Stranger")).OwnerKey);
        foreach (var id in new[] { victim.OwnerKey.Key.Id, Id<ApiKey>.New() })
        {
            Fault?[] refusals =
            [
                (await installation.Get<ShowApiKey>().RunAsync(scope, id, Ct)).Fault,
                (await installation.Get<RotateApiKey>().RunAsync(scope, id, null, Ct)).Fault,
                (await installation.Get<RevokeApiKey>().RunAsync(scope, id, Ct)).Fault,
            ];
            Assert.All(refusals, static fault => Assert.Equal(Fault.NotFound("key"), fault));
        }

        Assert.Null((await installation.SignInAsync(victim.OwnerKey.Secret)).Fault);
    }

    [Fact]
    public async Task Key_may_revoke_itself_and_a_second_time_changes_nothing()
    {
        await using var installation = await Installation.StartAsync();
        var (_, owner) = await installation.CreateTenantAsync();
        var reader = await installation.ScopeOfAsync(await installation.CreateKeyAsync(await installation.ScopeOfAsync(owner), "read"));
        var id = Id<ApiKey>.Parse(reader.Principal.Name);

        var first = (await installation.Get<RevokeApiKey>().RunAsync(reader, id, Ct)).Value;
        installation.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.NotNull(first.RevokedAt);
        Assert.Equal(first.RevokedAt, (await installation.Get<RevokeApiKey>().RunAsync(reader, id, Ct)).Value.RevokedAt);
    }

    [Fact]
    public async Task Operator_issues_a_key_for_a_tenant_that_lost_its_own()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, _) = await installation.CreateTenantAsync();
        var issue = installation.Get<IssueTenantKey>();

        var key = (await issue.RunAsync(installation.Operator, tenant.Id, new ApiKeyRequest("rescue", ["read", "write", "admin"]), Ct)).Value;
        Assert.Equal(tenant.Id, (await installation.ScopeOfAsync(key)).Tenant);
        Assert.Equal(FaultKind.NotFound, (await issue.RunAsync(installation.Operator, Id<Tenant>.New(), new ApiKeyRequest("x"), Ct)).Fault?.Kind);
    }

    [Fact]
    public async Task Every_change_of_a_key_is_in_the_tenants_audit_trail()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, owner) = await installation.CreateTenantAsync();
        var scope = await installation.ScopeOfAsync(owner);
        var key = await installation.CreateKeyAsync(scope, "read");
        var successor = (await installation.Get<RotateApiKey>().RunAsync(scope, key.Key.Id, null, Ct)).Value;
        await installation.Get<RevokeApiKey>().RunAsync(scope, successor.Key.Id, Ct);

        var trail = (await installation.Get<IAuditLog>().ListAsync(tenant.Id, new PageRequest(10, null), Ct)).Items;
        Assert.Equal(["key.revoke", "key.rotate", "key.create", "tenant.create"], trail.Select(static record => record.Action));
        Assert.All(trail.Take(3), record => Assert.Equal(scope.Principal, record.Principal));
        Assert.DoesNotContain(trail, record => record.ToString().Contains(key.Secret.Reveal(), StringComparison.Ordinal));
    }
}
