using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Insula.Server.Tests.Isolation;
using Insula.Tenancy.Access;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Server.Tests.Hostile;

/// <summary>
/// Hostile bytes over real sockets. The server may refuse them as it likes, but it answers what is HTTP, never with a 5xx,
/// logs no bug, and what it has of another tenant stays as it is, row by row.
/// </summary>
public sealed class HostileRequestTests(SharedPostgres postgres)
{
    private const int AtOnce = 8;

    /// <summary>One set for every machine; give HOSTILE_SEED to try another.</summary>
    private const int DefaultSeed = 20261122;

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_thousand_hostile_requests_give_no_5xx_and_change_nothing_of_another_tenant()
    {
        using var folder = new TempFolder();
        await AttackAsync(new TestHostOptions { DataFolder = folder.Path }, 10_000, tenant => Task.FromResult(StoredRows.OfFolder(folder.Path, tenant)));
    }

    [Fact]
    public async Task Nor_do_fifteen_hundred_on_a_database_that_tenants_share()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        var options = new TestHostOptions { Database = database.OwnerConnectionString, Placement = "shared" };
        await AttackAsync(options, 1_500, tenant => StoredRows.OfDatabaseAsync(database, tenant, Ct));
    }

    private static async Task AttackAsync(TestHostOptions options, int requests, Func<string, Task<IReadOnlyList<string>>> storedOf)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("HOSTILE_SEED"), out var given) ? given : DefaultSeed;
        await using var host = await TestHost.StartAsync(options with { RealPort = true }, Ct);
        var victim = await host.CreateTenantAsync("victim", Ct);
        var victimIds = await FillAsync(victim);
        var attacker = await host.CreateTenantAsync("attacker", Ct);
        await UnlimitAsync(host, attacker);
        var readOnly = await NewKeyAsync(attacker);
        var ownIds = await FillAsync(attacker);
        ownIds["key"] = (await NewKeyAsync(attacker)).Id;
        var material = new HostileMaterial([attacker.Key, readOnly.Secret], TestHost.OperatorKey, victimIds, ownIds, await FillAsync(await host.CreateTenantAsync("third", Ct)));
        // When the victim's key was last used is written some seconds after the use.
        await host.Services.GetRequiredService<LastUses>().FlushAsync();
        var before = await storedOf(victim.Id);
        Assert.True(before.Count > 5);

        var failures = await SendAllAsync(host.Url, requests, new HostileRequests(seed, material));

        var bugs = host.Log.Lines.Where(static line => line.Level >= LogLevel.Error).Take(3);
        Assert.True(failures.IsEmpty, $"seed {seed}:\n{string.Join('\n', failures.Take(20))}\n{string.Join('\n', bugs)}");
        Assert.Equal(before, await storedOf(victim.Id));
        Assert.Empty(bugs);
        Assert.Equal(HttpStatusCode.OK, (await victim.Client.GetAsync("/api/v1/me", Ct)).StatusCode);
        Assert.DoesNotContain(attacker.Key[^30..], host.Log.Text, StringComparison.Ordinal);
    }

    private static async Task<ConcurrentQueue<string>> SendAllAsync(Uri url, int count, HostileRequests requests)
    {
        var failures = new ConcurrentQueue<string>();
        var answered = new ConcurrentDictionary<int, int>();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count).Select(_ => requests.Next()),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Ct },
            async (request, ct) =>
            {
                var status = await SendAsync(url, request, ct);
                answered.AddOrUpdate(status ?? 0, 1, static (_, count) => count + 1);
                // 505 is HTTP's own word for a version that is none, and no failure of the server.
                if (status >= 500 && status != 505) failures.Enqueue($"#{request.Number} {request.Summary}: {status}");
                if (status is null && request.WellFormed) failures.Enqueue($"#{request.Number} {request.Summary}: cut off without an answer");
            });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", answered.OrderBy(static pair => pair.Key).Select(static pair => $"{pair.Key}: {pair.Value}")));
        return failures;
    }

    /// <summary>The status of the answer, or null when the connection ended without one.</summary>
    private static async Task<int?> SendAsync(Uri url, HostileRequest request, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(AnswerLimit);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, url.Port, limit.Token);
        try
        {
            for (var sent = 0; sent < request.Bytes.Length;) sent += await socket.SendAsync(request.Bytes.AsMemory(sent), limit.Token);

            // What is cut short would be waited for: this says that nothing more comes.
            if (!request.WellFormed) socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Refused before it had all of it; the answer may still be there to read.
        }

        return await ReadStatusAsync(socket, limit.Token);
    }

    private static async Task<int?> ReadStatusAsync(Socket socket, CancellationToken ct)
    {
        var buffer = new byte[512];
        var length = 0;
        try
        {
            while (length < 12 && await socket.ReceiveAsync(buffer.AsMemory(length), ct) is > 0 and var read) length += read;
        }
        catch (SocketException)
        {
            // Reset by the server after it refused; what came before counts.
        }

        return length >= 12 && int.TryParse(Encoding.ASCII.GetString(buffer, 9, 3), out var status) ? status : null;
    }

    private static async Task<Dictionary<string, string>> FillAsync(TestTenant tenant)
    {
        var ids = new Dictionary<string, string> { ["tenant"] = tenant.Id, ["key"] = tenant.KeyId };
        ids["agent"] = await MakeAsync(tenant, "/v1/agents", new { name = "a", model = "insula/scripted" });
        ids["environment"] = await MakeAsync(tenant, "/v1/environments", new { name = "e" });
        ids["session"] = await MakeAsync(tenant, "/v1/sessions", new { agent = ids["agent"], environment_id = ids["environment"] });
        ids["source"] = await MakeAsync(tenant, "/api/v1/knowledge/learn", new { source = "s.md", text = "A placement says where a tenant's data lives." });
        return ids;
    }

    private static async Task<string> MakeAsync(TestTenant tenant, string path, object body)
    {
        using var answer = await tenant.Client.PostAsJsonAsync(path, body, Ct);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync(Ct)}");
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString()!;
    }

    private static async Task<(string Id, string Secret)> NewKeyAsync(TestTenant tenant)
    {
        using var answer = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "r", scopes = new[] { "read" } }, Ct);
        var key = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        return (key.GetProperty("id").GetString()!, key.GetProperty("secret").GetString()!);
    }

    /// <summary>Lifts the rate limits, so that the requests get to what lies behind them.</summary>
    private static async Task UnlimitAsync(TestHost host, TestTenant tenant)
    {
        var limits = new { requests_per_minute = 10_000_000, reads_per_minute = 10_000_000, learn_per_minute = 10_000_000, reason_per_minute = 10_000_000 };
        using var answer = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits }, Ct);
        answer.EnsureSuccessStatusCode();
    }
}
