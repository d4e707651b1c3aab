using System.Text.Json;

namespace Insula.Server.Tests.Commands;

public sealed class TenantCommandsTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_operator_creates_limits_suspends_and_resumes_a_tenant()
    {
        var shell = server.Operator();
        var made = (await shell.RunAsync(Ct, "tenant", "create", "Acme GmbH", "--plan", "pro", "--limit", "concurrent_runs=3", "-o", "json")).Ok().Json;
        var id = made.GetProperty("tenant").GetProperty("id").GetString()!;
        var tenant = server.With(made.GetProperty("key").GetProperty("secret").GetString()!, server.Host.Url);
        (await tenant.RunAsync(Ct, "agent", "list")).Ok();

        var changed = (await shell.RunAsync(Ct, "tenant", "update", id, "--limit", "learn_per_minute=7", "-o", "json")).Ok().Json.GetProperty("limits");
        Assert.Equal(3, changed.GetProperty("concurrent_runs").GetInt32());
        Assert.Equal(7, changed.GetProperty("learn_per_minute").GetInt32());
        var back = (await shell.RunAsync(Ct, "tenant", "update", id, "--limit", "learn_per_minute=", "-o", "json")).Ok().Json.GetProperty("limits");
        Assert.Equal(60, back.GetProperty("learn_per_minute").GetInt32());

        var limits = (await shell.RunAsync(Ct, "limits", "--tenant", id)).Ok().Out;
        Assert.Matches(@"concurrent_runs +tenant +3 +0 +3 +override +operator", limits);
        var seen = (await tenant.RunAsync(Ct, "limits", "-o", "json")).Ok().Json.EnumerateArray();
        Assert.Equal(60, seen.Single(static limit => limit.GetProperty("name").GetString() == "learn_per_minute").GetProperty("value").GetInt64());

        var suspended = (await shell.RunAsync(Ct, "tenant", "suspend", id, "--reason", "invoice 4711")).Ok();
        Assert.Contains("suspended", suspended.Out, StringComparison.Ordinal);
        var refused = await tenant.RunAsync(Ct, "agent", "list");
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("request: req_", refused.Error, StringComparison.Ordinal);

        (await shell.RunAsync(Ct, "tenant", "resume", id)).Ok();
        (await tenant.RunAsync(Ct, "agent", "list")).Ok();
    }

    [Fact]
    public async Task A_list_is_a_table_for_people_and_an_array_for_programs()
    {
        var shell = server.Operator();
        await server.Host.CreateTenantAsync("listed one", Ct);
        await server.Host.CreateTenantAsync("listed two", Ct);

        var table = (await shell.RunAsync(Ct, "tenant", "list", "--name", "listed")).Ok().Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("ID  ", table[0], StringComparison.Ordinal);
        Assert.Equal(3, table.Length);
        Assert.Contains("listed two", table[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', string.Concat(table));

        var array = (await shell.RunAsync(Ct, "tenant", "list", "--name", "listed", "-o", "json")).Ok().Json;
        Assert.Equal(["listed two", "listed one"], array.EnumerateArray().Select(item => item.GetProperty("name").GetString()));
        var one = (await shell.RunAsync(Ct, "tenant", "list", "--name", "listed", "-n", "1", "-o", "json")).Ok().Json;
        Assert.Equal("listed two", Assert.Single(one.EnumerateArray()).GetProperty("name").GetString());
    }

    [Fact]
    public async Task Where_the_data_go_is_asked_for_shown_and_listed_by()
    {
        var shell = server.Operator();
        var made = (await shell.RunAsync(Ct, "tenant", "create", "placed", "--placement", "file", "--server", "main")).Ok().Out;
        Assert.Matches(@"placement +file
 *server +main
", made);
        var shown = (await shell.RunAsync(Ct, "tenant", "list", "--name", "placed", "--placement", "file", "--server", "main")).Ok().Out;
        Assert.Matches("^ID +NAME +PLAN +STATUS +PLACEMENT +SERVER +CREATED", shown);
        Assert.Contains("placed", shown, StringComparison.Ordinal);
        Assert.Empty((await shell.RunAsync(Ct, "tenant", "list", "--server", "eu1", "-o", "json")).Ok().Json.EnumerateArray());

        var refused = await shell.RunAsync(Ct, "tenant", "create", "elsewhere", "--placement", "schema");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("needs PostgreSQL", refused.Error, StringComparison.Ordinal);
        Assert.Contains("Known are: main.", (await shell.RunAsync(Ct, "tenant", "create", "elsewhere", "--server", "eu1")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Colour_goes_to_a_terminal_and_not_past_NO_COLOR()
    {
        var shell = server.Operator() with { IsTerminal = true };
        await server.Host.CreateTenantAsync("coloured", Ct);

        Assert.Contains('\u001b', (await shell.RunAsync(Ct, "tenant", "list")).Ok().Out);
        shell.Variables["NO_COLOR"] = "1";
        Assert.DoesNotContain('\u001b', (await shell.RunAsync(Ct, "tenant", "list")).Ok().Out);
    }

    [Fact]
    public async Task An_unknown_tenant_is_not_found_and_a_tenants_key_may_not_list_tenants()
    {
        var unknown = await server.Operator().RunAsync(Ct, "tenant", "show", "tnt_0000000000000000000000", "-o", "json");
        Assert.Equal(4, unknown.ExitCode);
        var problem = JsonSerializer.Deserialize<JsonElement>(unknown.Error);
        Assert.Equal(404, problem.GetProperty("status").GetInt32());
        Assert.Equal("tenant_not_found", problem.GetProperty("code").GetString());
        Assert.StartsWith("req_", problem.GetProperty("request_id").GetString(), StringComparison.Ordinal);

        var tenant = await server.TenantAsync("curious", Ct);
        Assert.Equal(3, (await tenant.RunAsync(Ct, "tenant", "list")).ExitCode);
    }

    [Fact]
    public async Task A_key_is_created_rotated_and_revoked()
    {
        var owner = await server.TenantAsync("keys", Ct);
        var made = (await owner.RunAsync(Ct, "key", "create", "ci", "--scope", "read", "--expires", "1h", "-o", "json")).Ok().Json;
        var reader = server.With(made.GetProperty("secret").GetString()!, server.Host.Url);
        (await reader.RunAsync(Ct, "agent", "list")).Ok();
        Assert.Equal(3, (await reader.RunAsync(Ct, "key", "list")).ExitCode);

        var rotated = (await owner.RunAsync(Ct, "key", "rotate", made.GetProperty("id").GetString()!, "--overlap", "0s", "-o", "json")).Ok().Json;
        Assert.Equal(3, (await reader.RunAsync(Ct, "agent", "list")).ExitCode);
        var successor = server.With(rotated.GetProperty("secret").GetString()!, server.Host.Url);
        (await successor.RunAsync(Ct, "agent", "list")).Ok();

        (await owner.RunAsync(Ct, "key", "revoke", rotated.GetProperty("id").GetString()!)).Ok();
        Assert.Equal(3, (await successor.RunAsync(Ct, "agent", "list")).ExitCode);
    }

    [Fact]
    public async Task A_wrong_scope_is_explained_by_the_server()
    {
        var answer = await (await server.TenantAsync("scopes", Ct)).RunAsync(Ct, "key", "create", "x", "--scope", "reed");

        Assert.Equal(1, answer.ExitCode);
        Assert.Contains("'read'", answer.Error, StringComparison.Ordinal);
    }
}
