using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd;

public sealed class UpTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_first_start_gives_keys_that_work_and_a_later_one_shows_none()
    {
        using var folder = new TempFolder();
        string tenantKey;
        await using (var first = await InsulaProcess.StartAsync(folder.Path, Ct))
        {
            tenantKey = first.Started.TenantKey!;
            using var demo = first.Client(tenantKey);
            var agents = await demo.GetFromJsonAsync<JsonElement>("/v1/agents", Ct);
            Assert.Equal(first.Started.AgentId, agents.GetProperty("data")[0].GetProperty("id").GetString());
            var environments = await demo.GetFromJsonAsync<JsonElement>("/v1/environments", Ct);
            Assert.Equal("default", environments.GetProperty("data")[0].GetProperty("name").GetString());
            using var platform = first.Client(first.Started.OperatorKey!);
            var tenant = await platform.GetFromJsonAsync<JsonElement>($"/api/v1/tenants/{first.Started.TenantId}", Ct);
            Assert.Equal("enterprise", tenant.GetProperty("plan").GetString());
            Assert.Equal(0, await first.StopAsync(Ct));
        }

        await using var second = await InsulaProcess.StartAsync(folder.Path, Ct);
        Assert.Null(second.Started.OperatorKey);
        Assert.Null(second.Started.TenantKey);
        using var again = second.Client(tenantKey);
        Assert.Equal(HttpStatusCode.OK, (await again.GetAsync("/api/v1/me", Ct)).StatusCode);
    }

    [Fact]
    public async Task The_local_key_lives_as_long_as_the_server_even_through_a_crash()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "local.json");
        string left;
        await using (var crashed = await InsulaProcess.StartAsync(folder.Path, Ct))
        {
            left = await KeyInAsync(file);
            await crashed.KillAsync();
        }

        await using var server = await InsulaProcess.StartAsync(folder.Path, Ct);
        var mine = await KeyInAsync(file);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        using var old = server.Client(left);
        Assert.Equal(HttpStatusCode.Unauthorized, (await old.GetAsync("/api/v1/me", Ct)).StatusCode);
        using var current = server.Client(mine);
        Assert.Equal(HttpStatusCode.OK, (await current.GetAsync("/api/v1/me", Ct)).StatusCode);

        await server.StopAsync(Ct);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task A_start_that_is_refused_says_why_and_makes_nothing()
    {
        using var other = new TempFolder();

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(
            () => InsulaProcess.StartAsync(other.Path, Ct, ("INSULA_DATABASE", "Host=db")));

        Assert.Contains("names no user", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(other.Path));
    }

    private static async Task<string> KeyInAsync(string file) =>
        JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync(file, Ct)).GetProperty("key").GetString()!;
}
