using System.Text.Json;

namespace Insula.Server.Tests.Commands;

/// <summary>Where events are told, and which customer of the billing provider a tenant is, from the command line.</summary>
public sealed class WebhookCommandsTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_webhook_is_made_listed_shown_enabled_and_deleted_and_its_secret_shown_once()
    {
        var shell = await server.TenantAsync("webhooks", Ct);
        var created = (await shell.RunAsync(Ct, "webhook", "create", "https://hooks.example.com/a", "--event", "run.ended", "--event", "budget.exhausted")).Ok();
        var secret = Assert.Single(created.Out.Split([' ', '\n']), static word => word.StartsWith("whsec_", StringComparison.Ordinal));
        Assert.Contains("shown this once", created.Error, StringComparison.Ordinal);
        var all = (await shell.RunAsync(Ct, "webhook", "create", "https://hooks.example.com/b", "-o", "json")).Ok().Json;
        Assert.Equal(5, all.GetProperty("events").GetArrayLength());

        var table = (await shell.RunAsync(Ct, "webhook", "list")).Ok().Out;
        Assert.Matches(@"^ID +URL +EVENTS +STATE +CREATED", table);
        Assert.Contains("run.ended, budget.exhausted", table, StringComparison.Ordinal);
        var listed = (await shell.RunAsync(Ct, "webhook", "list", "-o", "json")).Ok();
        Assert.DoesNotContain(secret, table + listed.Out, StringComparison.Ordinal);
        Assert.Equal(["https://hooks.example.com/b", "https://hooks.example.com/a"], listed.Json.EnumerateArray().Select(static one => one.GetProperty("url").GetString()));

        var id = listed.Json[1].GetProperty("id").GetString()!;
        var shown = (await shell.RunAsync(Ct, "webhook", "show", id)).Ok().Out;
        Assert.Matches(@"(?m)^state +ok$", shown);
        Assert.DoesNotContain(secret, shown, StringComparison.Ordinal);
        Assert.Equal(id, (await shell.RunAsync(Ct, "webhook", "enable", id, "-o", "json")).Ok().Json.GetProperty("id").GetString());

        Assert.Empty((await shell.RunAsync(Ct, "webhook", "deliveries", id, "-o", "json")).Ok().Json.EnumerateArray());

        Assert.True((await shell.RunAsync(Ct, "webhook", "delete", id, "-o", "json")).Ok().Json.GetProperty("deleted").GetBoolean());
        foreach (var verb in (string[])["show", "deliveries", "enable", "delete"])
        {
            var gone = await shell.RunAsync(Ct, "webhook", verb, id, "-o", "json");
            Assert.Equal(4, gone.ExitCode);
            Assert.Equal("webhook_not_found", JsonSerializer.Deserialize<JsonElement>(gone.Error).GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task A_webhook_that_cannot_be_is_explained_and_needs_an_administrators_key()
    {
        var shell = await server.TenantAsync("refused", Ct);
        var misspelt = await shell.RunAsync(Ct, "webhook", "create", "https://hooks.example.com/a", "--event", "run.end");
        Assert.Equal(1, misspelt.ExitCode);
        Assert.Contains("'run.ended'", misspelt.Error, StringComparison.Ordinal);
        var near = await shell.RunAsync(Ct, "webhook", "create", "https://127.0.0.1/");
        Assert.Equal(1, near.ExitCode);
        Assert.Contains("INSULA_WEBHOOKS_PRIVATE", near.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await shell.RunAsync(Ct, "webhook", "create")).ExitCode);

        var made = (await shell.RunAsync(Ct, "key", "create", "weak", "--scope", "read", "-o", "json")).Ok().Json;
        var weak = server.With(made.GetProperty("secret").GetString()!, server.Host.Url);
        Assert.Equal(3, (await weak.RunAsync(Ct, "webhook", "list")).ExitCode);
    }

    [Fact]
    public async Task The_operator_says_which_customer_a_tenant_is_and_takes_it_back()
    {
        var shell = server.Operator();
        var tenant = await server.Host.CreateTenantAsync("billed", Ct);
        Assert.Matches(@"^stripe customer +none", (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id)).Ok().Out);
        Assert.Matches(@"^stripe customer +cus_1\n$", (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "--stripe-customer", "cus_1")).Ok().Out);
        Assert.Equal("cus_1", (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "-o", "json")).Ok().Json.GetProperty("stripe_customer").GetString());

        var wrong = await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "--stripe-customer", "not one!");
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("must be the id of a customer", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "--stripe-customer", "cus_2", "--no-stripe-customer")).ExitCode);
        Assert.Equal(4, (await shell.RunAsync(Ct, "tenant", "billing", "tnt_0000000000000000000000")).ExitCode);
        Assert.Equal(3, (await server.With(tenant.Key, server.Host.Url).RunAsync(Ct, "tenant", "billing", tenant.Id)).ExitCode);
        Assert.Equal("cus_1", (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "-o", "json")).Ok().Json.GetProperty("stripe_customer").GetString());

        Assert.Equal(JsonValueKind.Null, (await shell.RunAsync(Ct, "tenant", "billing", tenant.Id, "--no-stripe-customer", "-o", "json")).Ok().Json.GetProperty("stripe_customer").ValueKind);
    }
}
