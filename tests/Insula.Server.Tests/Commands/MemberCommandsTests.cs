using System.Text.Json;

namespace Insula.Server.Tests.Commands;

/// <summary>Members and their keys from the command line.</summary>
public sealed class MemberCommandsTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_is_added_listed_shown_updated_and_removed_and_has_keys()
    {
        var shell = await server.TenantAsync("members", Ct);
        var added = (await shell.RunAsync(Ct, "member", "add", "Ada Lovelace", "--email", "ada@example.org", "--role", "admin", "--limit", "reads_per_minute=60", "-o", "json")).Ok().Json;
        var id = added.GetProperty("id").GetString()!;
        Assert.Equal(("admin", 60), (added.GetProperty("role").GetString(), added.GetProperty("limits").GetProperty("reads_per_minute").GetInt32()));
        Assert.Matches(@"(?m)^role +member$", (await shell.RunAsync(Ct, "member", "add", "Bob")).Ok().Out);

        var table = (await shell.RunAsync(Ct, "member", "list")).Ok().Out;
        Assert.Matches(@"^ID +NAME +ROLE +EMAIL +CREATED", table);
        Assert.Equal(["Bob", "Ada Lovelace"], Names((await shell.RunAsync(Ct, "member", "list", "-o", "json")).Ok().Json));
        Assert.Equal(["Ada Lovelace"], Names((await shell.RunAsync(Ct, "member", "list", "--role", "admin", "-o", "json")).Ok().Json));
        Assert.Matches(@"(?m)^reads/min +60$", (await shell.RunAsync(Ct, "member", "show", id)).Ok().Out);

        var updated = (await shell.RunAsync(Ct, "member", "update", id, "--role", "viewer", "--limit", "runs_per_minute=2", "--limit", "reads_per_minute=", "-o", "json")).Ok().Json;
        Assert.Equal(("viewer", 2), (updated.GetProperty("role").GetString(), updated.GetProperty("limits").GetProperty("runs_per_minute").GetInt32()));
        Assert.Equal(JsonValueKind.Null, updated.GetProperty("limits").GetProperty("reads_per_minute").ValueKind);
        Assert.Equal(JsonValueKind.Null, (await shell.RunAsync(Ct, "member", "update", id, "--no-limits", "-o", "json")).Ok().Json.GetProperty("limits").ValueKind);

        var key = (await shell.RunAsync(Ct, "key", "create", "laptop", "--member", id, "-o", "json")).Ok().Json;
        Assert.Equal(id, key.GetProperty("member").GetString());
        Assert.Equal(["laptop"], Names((await shell.RunAsync(Ct, "key", "list", "--member", id, "-o", "json")).Ok().Json));
        Assert.Contains(id, (await shell.RunAsync(Ct, "key", "list")).Ok().Out, StringComparison.Ordinal);
        var own = server.With(key.GetProperty("secret").GetString()!, server.Host.Url);
        Assert.Contains("Ada Lovelace", (await own.RunAsync(Ct, "member", "show", id)).Ok().Out, StringComparison.Ordinal);
        Assert.Equal(3, (await own.RunAsync(Ct, "member", "list")).ExitCode);

        Assert.Equal(id, (await shell.RunAsync(Ct, "member", "remove", id, "-o", "json")).Ok().Json.GetProperty("id").GetString());
        Assert.Equal(3, (await own.RunAsync(Ct, "member", "show", id)).ExitCode);
        Assert.Equal(["Bob"], Names((await shell.RunAsync(Ct, "member", "list", "-o", "json")).Ok().Json));
        Assert.Contains("Ada Lovelace", (await shell.RunAsync(Ct, "member", "list", "--removed", "-o", "yaml")).Ok().Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_is_explained()
    {
        var shell = await server.TenantAsync("refused members", Ct);
        var id = (await shell.RunAsync(Ct, "member", "add", "Vi", "--role", "viewer", "-o", "json")).Ok().Json.GetProperty("id").GetString()!;
        var strong = await shell.RunAsync(Ct, "key", "create", "k", "--member", id, "--scope", "write");
        Assert.Equal(1, strong.ExitCode);
        Assert.Contains("is viewer, whose keys may have the scopes read, and not write", strong.Error.ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Equal(2, (await shell.RunAsync(Ct, "member", "update", id)).ExitCode);
        Assert.Equal(2, (await shell.RunAsync(Ct, "member", "update", id, "--limit", "runs_per_minute=1", "--no-limits")).ExitCode);
        Assert.Equal(1, (await shell.RunAsync(Ct, "member", "add", "x", "--role", "boss")).ExitCode);
        Assert.Equal(4, (await shell.RunAsync(Ct, "member", "show", "mbr_0000000000000000000000")).ExitCode);
    }

    private static IEnumerable<string?> Names(JsonElement list) => list.EnumerateArray().Select(static item => item.GetProperty("name").GetString());
}
