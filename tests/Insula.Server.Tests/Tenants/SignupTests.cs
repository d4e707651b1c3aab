using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Tenants;

public abstract class SignupTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stranger_signs_up_and_the_key_works_at_once()
    {
        await using var host = await store.StartAsync(Ct);
        using var stranger = host.Client(null);

        using var answer = await stranger.PostAsJsonAsync("/api/v1/signup", new { name = "Ada & Söhne 🏛", email = "ada@example.org" }, Ct);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var created = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        var tenant = created.GetProperty("tenant");
        Assert.Equal("free", tenant.GetProperty("plan").GetString());
        Assert.Equal("active", tenant.GetProperty("status").GetString());

        using var ada = host.Client(created.GetProperty("key").GetProperty("secret").GetString());
        var me = await ada.GetFromJsonAsync<JsonElement>("/api/v1/me", Ct);
        Assert.Equal("tenant", me.GetProperty("kind").GetString());
        Assert.Equal(tenant.GetProperty("id").GetString(), me.GetProperty("tenant").GetProperty("id").GetString());
        Assert.Equal(["read", "write", "admin"], me.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));
    }

    [Fact]
    public async Task Closed_signup_refuses_with_what_to_do()
    {
        await using var host = await store.StartAsync(new TestHostOptions { SignupOpen = false }, Ct);
        using var stranger = host.Client(null);

        using var answer = await stranger.PostAsJsonAsync("/api/v1/signup", new { name = "Ada", email = "ada@example.org" }, Ct);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal("signup_closed", problem.GetProperty("code").GetString());
        Assert.Contains("operator", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }
}

public sealed class SignupEmbeddedTests(EmbeddedStore store) : SignupTests(store), IClassFixture<EmbeddedStore>;

public sealed class SignupOnPostgresTests(PostgresStore store) : SignupTests(store), IClassFixture<PostgresStore>;
