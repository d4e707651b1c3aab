using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Tenants;

public abstract class KeyEndpointTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_revoked_key_is_refused_at_once()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var (id, secret) = await NewKeyAsync(tenant, new { name = "short", scopes = new[] { "read" } });
        using var client = host.Client(secret);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/me", Ct)).StatusCode);

        var revoked = await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.DeleteAsync($"/api/v1/keys/{id}", Ct));

        Assert.NotNull(revoked.GetProperty("revoked_at").GetString());
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/me", Ct)).StatusCode);
    }

    [Fact]
    public async Task A_rotated_key_works_through_its_overlap_and_not_longer()
    {
        var clock = new ManualClock();
        await using var host = await store.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var (id, secret) = await NewKeyAsync(tenant, new { name = "rolling" });
        using var old = host.Client(secret);

        var successor = await TenantEndpointTests.AnswerAsync(
            HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync($"/api/v1/keys/{id}/rotate", new { overlap_seconds = 60 }, Ct));
        using var fresh = host.Client(successor.GetProperty("secret").GetString());

        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(HttpStatusCode.OK, (await old.GetAsync("/api/v1/me", Ct)).StatusCode);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await old.GetAsync("/api/v1/me", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await fresh.GetAsync("/api/v1/me", Ct)).StatusCode);
        var shown = await tenant.Client.GetFromJsonAsync<JsonElement>($"/api/v1/keys/{id}", Ct);
        Assert.Equal(successor.GetProperty("id").GetString(), shown.GetProperty("rotated_to").GetString());
    }

    [Fact]
    public async Task A_key_without_admin_sees_and_ends_itself_and_no_other()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var (id, secret) = await NewKeyAsync(tenant, new { name = "reader", scopes = new[] { "read" } });
        using var reader = host.Client(secret);

        Assert.Equal(HttpStatusCode.OK, (await reader.GetAsync($"/api/v1/keys/{id}", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.GetAsync($"/api/v1/keys/{tenant.KeyId}", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.DeleteAsync($"/api/v1/keys/{tenant.KeyId}", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await reader.DeleteAsync($"/api/v1/keys/{id}", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await reader.GetAsync($"/api/v1/keys/{id}", Ct)).StatusCode);
    }

    [Fact]
    public async Task The_operator_helps_a_tenant_that_lost_its_keys()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        (await tenant.Client.DeleteAsync($"/api/v1/keys/{tenant.KeyId}", Ct)).EnsureSuccessStatusCode();

        var issued = await TenantEndpointTests.AnswerAsync(
            HttpStatusCode.Created, await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/keys", new { name = "spare", scopes = new[] { "admin", "read" } }, Ct));

        using var spare = host.Client(issued.GetProperty("secret").GetString());
        var me = await spare.GetFromJsonAsync<JsonElement>("/api/v1/me", Ct);
        Assert.Equal(tenant.Id, me.GetProperty("tenant").GetProperty("id").GetString());
    }

    private static async Task<(string Id, string Secret)> NewKeyAsync(TestTenant tenant, object body)
    {
        var key = await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", body, Ct));
        return (key.GetProperty("id").GetString()!, key.GetProperty("secret").GetString()!);
    }
}

public sealed class KeyEndpointsEmbeddedTests(EmbeddedStore store) : KeyEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class KeyEndpointsOnPostgresTests(PostgresStore store) : KeyEndpointTests(store), IClassFixture<PostgresStore>;
