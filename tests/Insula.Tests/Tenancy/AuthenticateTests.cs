using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Tests.Tenancy;

public sealed class AuthenticateTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_signs_in_as_its_tenant_with_its_scopes_and_limits()
    {
        await using var installation = await Installation.StartAsync();
        var tenant = await installation.CreateTenantAsync(plan: "pro");

        var signedIn = Assert.IsType<SignedInTenant>((await installation.SignInAsync(tenant.OwnerKey.Secret)).Value);
        Assert.Equal(tenant.Tenant.Id, signedIn.Scope.Tenant);
        Assert.Equal(Permissions.All, signedIn.Scope.Permissions);
        Assert.Equal(new Principal("key", tenant.OwnerKey.Key.Id.ToString()), signedIn.Scope.Principal);
        Assert.Equal(100, signedIn.Limits.RequestsPerMinute);
        Assert.Equal(tenant.Tenant, signedIn.Tenant);
    }

    [Fact]
    public async Task Every_way_for_a_key_not_to_be_in_force_gets_the_same_refusal()
    {
        await using var installation = await Installation.StartAsync();
        var tenant = await installation.CreateTenantAsync();
        var scope = await installation.ScopeOfAsync(tenant.OwnerKey);
        var revoked = await installation.CreateKeyAsync(scope, "read");
        await installation.Get<RevokeApiKey>().RunAsync(scope, revoked.Key.Id, Ct);
        var request = new ApiKeyRequest("short", ExpiresAt: installation.Clock.GetUtcNow().AddMinutes(1));
        var expired = (await installation.Get<CreateApiKey>().RunAsync(scope, request, Ct)).Value;
        installation.Clock.Advance(TimeSpan.FromMinutes(1));

        var known = tenant.OwnerKey.Secret.Reveal();
        string[] credentials =
        [
            "", "x", known[..^1], known.ToUpperInvariant(), "sk_platform_" + known["sk_tenant_".Length..], new string('a', 600), "\ud83d\u0000", KeyText.New(KeyKind.Tenant).Text.Reveal(),
            KeyText.New(KeyKind.Platform).Text.Reveal(), WithOtherSecret(known), revoked.Secret.Reveal(), expired.Secret.Reveal(),
        ];
        foreach (var credential in credentials)
        {
            Assert.Equal(Authenticate.InvalidKey, (await installation.Get<Authenticate>().RunAsync(credential, Ct)).Fault);
        }
    }

    [Fact]
    public async Task A_wrong_checksum_is_refused_without_the_store()
    {
        await using var installation = await Installation.StartAsync();
        var text = KeyText.New(KeyKind.Tenant).Text.Reveal();
        var mistyped = text[..^1] + (text[^1] == 'a' ? 'b' : 'a');
        await installation.Get<Insula.Storage.SqliteStorage>().DisposeAsync();

        // The store is gone: whatever reaches it throws.
        await Assert.ThrowsAnyAsync<Exception>(() => installation.Get<Authenticate>().RunAsync(text, Ct).AsTask());
        Assert.Equal(Authenticate.InvalidKey, (await installation.Get<Authenticate>().RunAsync(mistyped, Ct)).Fault);
    }

    [Fact]
    public async Task A_key_in_force_is_answered_from_memory_for_seconds_and_then_read_again()
    {
        await using var installation = await Installation.StartAsync();
        var key = (await installation.CreateTenantAsync()).OwnerKey.Secret;
        await installation.SignInAsync(key);
        await installation.Get<Insula.Storage.SqliteStorage>().DisposeAsync();

        installation.Clock.Advance(TenantStandings.AgeMax);
        Assert.Null((await installation.SignInAsync(key)).Fault);
        installation.Clock.Advance(TimeSpan.FromTicks(1));
        await Assert.ThrowsAnyAsync<Exception>(() => installation.SignInAsync(key));
    }

    [Fact]
    public async Task Revoked_key_is_refused_at_once()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        for (var i = 0; i < 20; i++)
        {
            var key = await installation.CreateKeyAsync(scope, "read");
            Assert.Null((await installation.SignInAsync(key.Secret)).Fault);
            await installation.Get<RevokeApiKey>().RunAsync(scope, key.Key.Id, Ct);
            Assert.Equal("invalid_key", (await installation.SignInAsync(key.Secret)).Fault?.Code);
        }
    }

    [Fact]
    public async Task No_sign_in_that_begins_after_a_revoke_returned_succeeds_however_many_run_beside_it()
    {
        await using var installation = await Installation.StartAsync();
        var scope = await installation.ScopeOfAsync((await installation.CreateTenantAsync()).OwnerKey);
        for (var round = 0; round < 30; round++)
        {
            var key = await installation.CreateKeyAsync(scope, "read");
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(
                async () =>
                {
                    while (!stop.IsCancellationRequested)
                    {
                        await installation.SignInAsync(key.Secret);

                        // A sign-in from memory never waits: without this the callers take every thread there is.
                        await Task.Yield();
                    }
                },
                Ct)).ToArray();

            await installation.Get<RevokeApiKey>().RunAsync(scope, key.Key.Id, Ct);
            for (var call = 0; call < 3; call++) Assert.NotNull((await installation.SignInAsync(key.Secret)).Fault);
            await stop.CancelAsync();
            await Task.WhenAll(callers);
            Assert.NotNull((await installation.SignInAsync(key.Secret)).Fault);
        }
    }

    [Fact]
    public async Task Suspended_tenant_is_refused_with_the_reason_at_once_and_let_in_again_when_resumed()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, key) = await installation.CreateTenantAsync();
        await installation.SignInAsync(key.Secret);

        await installation.Get<SuspendTenant>().RunAsync(installation.Operator, tenant.Id, "unpaid since May", Ct);
        var fault = (await installation.SignInAsync(key.Secret)).Fault;
        Assert.Equal((FaultKind.Forbidden, "tenant_suspended"), (fault?.Kind, fault?.Code));
        Assert.Contains("unpaid since May", fault?.Message, StringComparison.Ordinal);

        await installation.Get<ResumeTenant>().RunAsync(installation.Operator, tenant.Id, Ct);
        Assert.Null((await installation.SignInAsync(key.Secret)).Fault);
    }

    [Fact]
    public async Task A_scope_that_was_granted_loses_its_standing_with_its_key_and_its_tenant()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, owner) = await installation.CreateTenantAsync();
        var scope = await installation.ScopeOfAsync(owner);
        var key = await installation.CreateKeyAsync(scope, "read");
        var reader = await installation.ScopeOfAsync(key);
        var check = installation.Get<CheckStanding>();

        Assert.Null(await check.RunAsync(reader, Ct));
        await installation.Get<RevokeApiKey>().RunAsync(scope, key.Key.Id, Ct);
        Assert.Equal("invalid_key", (await check.RunAsync(reader, Ct))?.Code);
        Assert.Null(await check.RunAsync(SystemTask.Run.For(tenant.Id), Ct));

        await installation.Get<SuspendTenant>().RunAsync(installation.Operator, tenant.Id, null, Ct);
        Assert.Equal("tenant_suspended", (await check.RunAsync(scope, Ct))?.Code);
        Assert.Equal("tenant_suspended", (await check.RunAsync(SystemTask.Run.For(tenant.Id), Ct))?.Code);
    }

    [Fact]
    public async Task Signals_tell_which_scopes_end()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, owner) = await installation.CreateTenantAsync();
        var other = await installation.ScopeOfAsync((await installation.CreateTenantAsync("Other")).OwnerKey);
        var scope = await installation.ScopeOfAsync(owner);
        var key = await installation.CreateKeyAsync(scope, "read");
        var reader = await installation.ScopeOfAsync(key);
        var heard = new List<AccessChange>();
        var subscription = installation.Get<AccessSignals>().Subscribe(heard.Add);

        await installation.Get<RevokeApiKey>().RunAsync(scope, key.Key.Id, Ct);
        await installation.Get<SuspendTenant>().RunAsync(installation.Operator, tenant.Id, "because", Ct);
        await installation.Get<ResumeTenant>().RunAsync(installation.Operator, tenant.Id, Ct);
        subscription.Dispose();
        await installation.Get<SuspendTenant>().RunAsync(installation.Operator, tenant.Id, null, Ct);

        Assert.Equal([new KeyEnded(tenant.Id, key.Key.Id), new TenantSuspended(tenant.Id, "because"), new TenantResumed(tenant.Id)], heard);
        Assert.Equal([true, true, false], heard.Select(change => change.Ends(reader)));
        Assert.Equal([false, true, false], heard.Select(change => change.Ends(scope)));
        Assert.Equal([false, false, false], heard.Select(change => change.Ends(other)));
    }

    [Fact]
    public async Task Last_use_is_written_in_batches_and_at_the_end()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, owner) = await installation.CreateTenantAsync();
        var scope = await installation.ScopeOfAsync(owner);
        var used = installation.Clock.GetUtcNow();
        Assert.Null(await LastUsedAsync());

        installation.Clock.Advance(LastUses.Interval);
        await installation.Get<LastUses>().FlushAsync();
        Assert.Equal(used, await LastUsedAsync());

        await installation.SignInAsync(owner.Secret);
        await installation.Get<LastUses>().DisposeAsync();
        Assert.Equal(used + LastUses.Interval, await LastUsedAsync());

        async Task<DateTimeOffset?> LastUsedAsync() => (await installation.Get<ShowApiKey>().RunAsync(scope, owner.Key.Id, Ct)).Value.LastUsedAt;
    }

    [Fact]
    public async Task The_cache_of_keys_stays_within_its_bound_and_keeps_the_busy_ones()
    {
        await using var installation = await Installation.StartAsync();
        var tenant = await installation.CreateTenantAsync();
        var cache = new KeyCache(new NoOtherNodes(), installation.Clock, capacity: 16);
        var busy = new byte[Peppers.HashLength];
        cache.Keep(busy, new CachedKey(tenant.OwnerKey.Key), cache.Generation);
        for (byte other = 1; other <= 200; other++)
        {
            installation.Clock.Advance(TimeSpan.FromMilliseconds(1));
            Assert.NotNull(cache.Find(busy));
            cache.Keep([.. Enumerable.Repeat(other, Peppers.HashLength)], new CachedKey(tenant.OwnerKey.Key), cache.Generation);
            Assert.InRange(cache.Count, 1, 16);
        }
    }

    /// <summary>The same handle with another secret and a right checksum.</summary>
    private static string WithOtherSecret(string known)
    {
        var body = known[..^6];
        body = body[..^1] + (body[^1] == 'a' ? 'b' : 'a');
        return body + Insula.Tenancy.Identity.Base62.Encode(Crc32.Of(body), 6);
    }
}
