using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Tenants;

public abstract class MemberEndpointTests(TestStore store)
{
    private static readonly string[] AllScopes = ["read", "write", "admin"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_is_added_listed_shown_changed_and_removed()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var ada = await AddAsync(tenant, new { name = "Ada", email = "Ada@Example.org", role = "admin", limits = new { reads_per_minute = 9 } });
        Assert.Equal(("ada@example.org", "admin", 9), (Text(ada, "email"), Text(ada, "role"), ada.GetProperty("limits").GetProperty("reads_per_minute").GetInt32()));
        Assert.StartsWith("mbr_", Text(ada, "id"), StringComparison.Ordinal);
        var bob = await AddAsync(tenant, new { name = "Bob" });
        Assert.Equal(("member", JsonValueKind.Null), (Text(bob, "role"), bob.GetProperty("limits").ValueKind));

        Assert.Equal(["Bob", "Ada"], await NamesAsync(tenant, ""));
        Assert.Equal(["Ada"], await NamesAsync(tenant, "?role=admin"));
        var changed = await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.PatchAsJsonAsync(PathOf(ada), new { name = "Ada L.", limits = (object?)null }, Ct));
        Assert.Equal(("Ada L.", "admin", JsonValueKind.Null), (Text(changed, "name"), Text(changed, "role"), changed.GetProperty("limits").ValueKind));

        Assert.NotNull(Text(await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.DeleteAsync(PathOf(ada), Ct)), "removed_at"));
        var again = await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.DeleteAsync(PathOf(ada), Ct));
        Assert.Equal(again.GetRawText(), (await tenant.Client.GetFromJsonAsync<JsonElement>(PathOf(ada), Ct)).GetRawText());
        Assert.Equal(["Bob"], await NamesAsync(tenant, "?removed=false"));
        Assert.Equal(["Bob", "Ada L."], await NamesAsync(tenant, "?removed=true"));
        await RefusedAsync(HttpStatusCode.Conflict, "member_removed", null, await tenant.Client.PatchAsJsonAsync(PathOf(ada), new { name = "x" }, Ct));
        await RefusedAsync(HttpStatusCode.BadRequest, "invalid_field", "role", await tenant.Client.GetAsync("/api/v1/members?role=boss", Ct));
        await RefusedAsync(HttpStatusCode.BadRequest, "invalid_field", "removed", await tenant.Client.GetAsync("/api/v1/members?removed=1", Ct));
        await RefusedAsync(HttpStatusCode.BadRequest, "invalid_field", "role", await tenant.Client.PostAsJsonAsync("/api/v1/members", new { name = "x", role = "boss" }, Ct));
        await RefusedAsync(HttpStatusCode.NotFound, "member_not_found", null, await tenant.Client.GetAsync("/api/v1/members/mbr_0000000000000000000000", Ct));
    }

    [Fact]
    public async Task A_key_of_a_member_says_so_acts_by_the_role_of_the_moment_and_ends_with_the_member()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var ada = await AddAsync(tenant, new { name = "Ada", role = "admin" });
        var made = await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "laptop", scopes = AllScopes, member = Text(ada, "id") }, Ct));
        Assert.Equal(Text(ada, "id"), Text(made, "member"));
        using var client = host.Client(Text(made, "secret"));
        var me = await client.GetFromJsonAsync<JsonElement>("/api/v1/me", Ct);
        Assert.Equal((Text(ada, "id"), "Ada", "admin"), (Text(me.GetProperty("member"), "id"), Text(me.GetProperty("member"), "name"), Text(me.GetProperty("member"), "role")));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/members", Ct)).StatusCode);
        Assert.Equal(Text(made, "id"), Text(Assert.Single((await client.GetFromJsonAsync<JsonElement>($"/api/v1/keys?member={Text(ada, "id")}", Ct)).GetProperty("data").EnumerateArray()), "id"));
        await RefusedAsync(HttpStatusCode.Forbidden, "owner_needed", null, await client.PatchAsJsonAsync(PathOf(ada), new { role = "owner" }, Ct));

        (await tenant.Client.PatchAsJsonAsync(PathOf(ada), new { role = "viewer" }, Ct)).EnsureSuccessStatusCode();
        await RefusedAsync(HttpStatusCode.Forbidden, "missing_scope", null, await client.GetAsync("/api/v1/members", Ct));
        await RefusedAsync(HttpStatusCode.Forbidden, "missing_scope", null, await client.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted" }, Ct), vendor: true);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/agents", Ct)).StatusCode);
        Assert.Equal("viewer", Text(await client.GetFromJsonAsync<JsonElement>(PathOf(ada), Ct), "role"));

        (await tenant.Client.DeleteAsync(PathOf(ada), Ct)).EnsureSuccessStatusCode();
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("/api/v1/me", Ct)).StatusCode);
        Assert.NotNull(Text(await tenant.Client.GetFromJsonAsync<JsonElement>($"/api/v1/keys/{Text(made, "id")}", Ct), "revoked_at"));
    }

    [Fact]
    public async Task Keys_of_a_member_share_the_members_rate_and_a_changed_one_counts_from_the_next_call_on()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var ada = await AddAsync(tenant, new { name = "Ada", limits = new { reads_per_minute = 2 } });
        using var laptop = await ClientOfAsync();
        using var phone = await ClientOfAsync();
        var limits = (await laptop.GetFromJsonAsync<JsonElement>("/api/v1/limits", Ct)).GetProperty("data").EnumerateArray();
        var rate = Assert.Single(limits, static limit => Text(limit, "applies_to") == "member");
        Assert.Equal(("reads_per_minute", 2, "member", "tenant_admin"), (Text(rate, "name"), rate.GetProperty("value").GetInt32(), Text(rate, "source"), Text(rate, "raised_by")));
        foreach (var client in (HttpClient[])[phone, phone, laptop]) Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/agents", Ct)).StatusCode);
        using var refused = await phone.GetAsync("/v1/agents", Ct);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Contains("this member's limit of 2 reads a minute", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        Assert.Contains($"pk=:{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(Text(ada, "id")!))}:", refused.Headers.GetValues("RateLimit").Single(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await tenant.Client.GetAsync("/v1/agents", Ct)).StatusCode);

        (await tenant.Client.PatchAsJsonAsync(PathOf(ada), new { limits = (object?)null }, Ct)).EnsureSuccessStatusCode();
        Assert.Equal(HttpStatusCode.OK, (await phone.GetAsync("/v1/agents", Ct)).StatusCode);

        async Task<HttpClient> ClientOfAsync() => host.Client(Text(
            await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k", member = Text(ada, "id") }, Ct)), "secret")!);
    }

    [Fact]
    public async Task Keys_are_made_only_for_members_that_are_there_and_only_with_scopes_of_the_role()
    {
        await using var host = await store.StartAsync(Ct);
        var (tenant, other) = (await host.CreateTenantAsync("t", Ct), await host.CreateTenantAsync("other", Ct));
        var viewer = await AddAsync(tenant, new { name = "Vi", role = "viewer" });
        var strange = await AddAsync(other, new { name = "Stranger" });
        foreach (var id in (string[])[Text(strange, "id")!, "mbr_0000000000000000000000", "not an id", ""])
        {
            await RefusedAsync(HttpStatusCode.NotFound, "member_not_found", "member", await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k", member = id }, Ct));
            await RefusedAsync(HttpStatusCode.NotFound, "member_not_found", "member", await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/keys", new { name = "k", member = id }, Ct));
        }

        await RefusedAsync(HttpStatusCode.BadRequest, "role_lacks_scope", "scopes", await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k", scopes = AllScopes, member = Text(viewer, "id") }, Ct));
        var key = await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k", member = Text(viewer, "id") }, Ct));
        Assert.Equal("""["read"]""", key.GetProperty("scopes").GetRawText());
        Assert.Equal(HttpStatusCode.Created, (await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/keys", new { name = "k", member = Text(viewer, "id") }, Ct)).StatusCode);
        Assert.Empty((await tenant.Client.GetFromJsonAsync<JsonElement>($"/api/v1/keys?member={Text(strange, "id")}", Ct)).GetProperty("data").EnumerateArray());
        await RefusedAsync(HttpStatusCode.BadRequest, "invalid_field", "member", await tenant.Client.GetAsync("/api/v1/keys?member=x", Ct));
    }

    private static async Task<JsonElement> AddAsync(TestTenant tenant, object body) =>
        await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/members", body, Ct));

    private static async Task<IEnumerable<string?>> NamesAsync(TestTenant tenant, string query) =>
        (await tenant.Client.GetFromJsonAsync<JsonElement>($"/api/v1/members{query}", Ct)).GetProperty("data").EnumerateArray().Select(static member => Text(member, "name"));

    private static async Task RefusedAsync(HttpStatusCode status, string code, string? field, HttpResponseMessage response, bool vendor = false)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync(Ct);
            Assert.True(response.StatusCode == status, $"{(int)response.StatusCode}: {body}");
            Assert.Contains($"\"{code}\"", body, StringComparison.Ordinal);
            if (!vendor) Assert.Equal(field, JsonElement.Parse(body).TryGetProperty("field", out var named) ? named.GetString() : null);
        }
    }

    private static string PathOf(JsonElement member) => $"/api/v1/members/{Text(member, "id")}";

    private static string? Text(JsonElement of, string name) => of.GetProperty(name).GetString();
}

public sealed class MemberEndpointsEmbeddedTests(EmbeddedStore store) : MemberEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class MemberEndpointsOnPostgresTests(PostgresStore store) : MemberEndpointTests(store), IClassFixture<PostgresStore>;
