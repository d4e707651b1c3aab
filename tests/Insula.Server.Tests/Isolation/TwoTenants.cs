using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Server.Tests.ManagedAgents;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Isolation;

/// <summary>
/// A server with a victim who has one of everything, named with a canary, and with every kind of stranger beside it.
/// Shared by the tests of the matrix: none of them can change the victim, and one of them checks that.
/// </summary>
/// <param name="placement">Where the victim's data live.</param>
/// <param name="elsewhere">Placements of the same installation in which there are strangers too.</param>
public abstract class TwoTenants(string placement, params string[] elsewhere) : IAsyncLifetime
{
    /// <summary>Stands in every text of the victim's; nobody else may ever read it.</summary>
    public const string Canary = "canary7xQ";

    private TestHost? _host;
    private TestTenant? _victim;

    public TestHost Host => _host!;

    public TestTenant Victim => _victim!;

    /// <summary>The victim's ids, by the name they have in the rows.</summary>
    public Dictionary<string, string> VictimIds { get; } = [];

    /// <summary>Ids of the same kinds that nobody has.</summary>
    public Dictionary<string, string> UnknownIds { get; } = [];

    public HttpClient Nobody { get; private set; } = null!;

    public HttpClient Forged { get; private set; } = null!;

    public HttpClient Revoked { get; private set; } = null!;

    public HttpClient Suspended { get; private set; } = null!;

    /// <summary>The owner of another tenant, in the victim's placement.</summary>
    public HttpClient Stranger => Strangers[0];

    /// <summary>Owners of other tenants: the first in the victim's placement, the others in the other placements.</summary>
    public List<HttpClient> Strangers { get; } = [];

    /// <summary>A key of the stranger's tenant that may only read.</summary>
    public HttpClient ReadOnly { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        // Time stands still, so that the victim's view can only change by what somebody does.
        var host = _host = await StartAsync(new TestHostOptions { Clock = new ManualClock(), Placement = placement }, ct);
        var victim = _victim = await host.CreateTenantAsync($"victim {Canary}", ct);
        var stranger = await host.CreateTenantAsync("stranger", ct);
        var suspended = await host.CreateTenantAsync("suspended", ct);

        Nobody = host.Client(null);
        Strangers.Add(stranger.Client);
        foreach (var other in elsewhere) Strangers.Add((await host.CreateTenantAsync($"stranger in {other}", ct, placement: other)).Client);
        Suspended = suspended.Client;
        Forged = host.Client(Altered(victim.Key));
        ReadOnly = host.Client(await NewKeyAsync(stranger, "read", ct));
        var ending = await stranger.Client.PostAsJsonAsync("/api/v1/keys", new { name = "ending", scopes = new[] { "read", "write", "admin" } }, ct);
        var ended = await ending.Content.ReadFromJsonAsync<JsonElement>(ct);
        Revoked = host.Client(ended.GetProperty("secret").GetString());
        (await stranger.Client.DeleteAsync($"/api/v1/keys/{ended.GetProperty("id").GetString()}", ct)).EnsureSuccessStatusCode();
        (await host.Operator.PostAsync($"/api/v1/tenants/{suspended.Id}/suspend", null, ct)).EnsureSuccessStatusCode();

        await FillAsync(victim, ct);
        foreach (var (name, id) in VictimIds) UnknownIds[name] = id[..(id.IndexOf('_', StringComparison.Ordinal) + 1)] + "3nobodyHasThisId345678";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in (HttpClient?[])[Nobody, Forged, Revoked, Suspended, ReadOnly, .. Strangers]) client?.Dispose();
        if (_host is not null) await _host.DisposeAsync();
        await RemoveAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Calls the row's route with these ids and gives the answer with what differs between any two answers masked.</summary>
    public static async Task<Answer> CallAsync(HttpClient caller, RouteRow row, IReadOnlyDictionary<string, string> ids, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(new HttpMethod(row.Method), Filled(row.Path, ids));
        if (row.Body is { } body) request.Content = new StringContent(Filled(body, ids), Encoding.UTF8, "application/json");
        using var response = await caller.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        return await Answer.ReadAsync(response, ct);
    }

    /// <summary>Everything that is stored of the victim, row by row, with the notes on the use of keys written down.</summary>
    public async Task<IReadOnlyList<string>> StoredOfVictimAsync(CancellationToken ct)
    {
        await Host.Services.GetRequiredService<LastUses>().FlushAsync();
        return await StoredOfAsync(Victim.Id, ct);
    }

    /// <summary>Everything that the victim sees of itself.</summary>
    public async Task<string> VictimsViewAsync(CancellationToken ct)
    {
        var view = new StringBuilder();
        foreach (var row in RouteTable.Rows.Where(row => row.Method == "GET" && row.Who is not (Who.Everyone or Who.Operator) && !row.Path.EndsWith("/stream", StringComparison.Ordinal)))
        {
            // The audit trail, the last use of a key and what is left of a rate change by the looking itself.
            if (row.Pattern is "/api/v1/audit" or "/api/v1/limits" || row.Pattern.StartsWith("/api/v1/keys", StringComparison.Ordinal)) continue;
            view.AppendLine($"{row.Name}: {(await CallAsync(Victim.Client, row, VictimIds, ct)).Body}");
        }

        return view.ToString();
    }

    protected abstract Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct);

    protected abstract Task<IReadOnlyList<string>> StoredOfAsync(string tenant, CancellationToken ct);

    /// <summary>Takes away what the server was started on.</summary>
    protected abstract ValueTask RemoveAsync();

    private async Task FillAsync(TestTenant victim, CancellationToken ct)
    {
        VictimIds["tenant"] = victim.Id;
        VictimIds["key"] = victim.KeyId;
        VictimIds["agent"] = await MakeAsync(victim, "/v1/agents", new { name = Canary, model = "insula/scripted", system = Canary }, ct);
        VictimIds["environment"] = await MakeAsync(victim, "/v1/environments", new { name = Canary }, ct);
        VictimIds["session"] = await MakeAsync(victim, "/v1/sessions", new { agent = VictimIds["agent"], environment_id = VictimIds["environment"], title = Canary }, ct);
        VictimIds["schedule"] = await MakeAsync(victim, "/api/v1/schedules", new { name = Canary, cron = "@daily", prompt = Canary, agent = VictimIds["agent"], environment = VictimIds["environment"] }, ct);
        VictimIds["webhook"] = await MakeAsync(victim, "/api/v1/webhooks", new { url = $"https://hooks.example.com/{Canary}", events = new[] { "statement.ready" } }, ct);
        VictimIds["member"] = await MakeAsync(victim, "/api/v1/members", new { name = Canary, email = $"{Canary}@example.org" }, ct);
        VictimIds["budget"] = $"agent:{VictimIds["agent"]}";
        (await victim.Client.PutAsJsonAsync($"/api/v1/budgets/{VictimIds["budget"]}", new { limit_micros = 5_000_000 }, ct)).EnsureSuccessStatusCode();

        // A run, so that the victim has events, usage and a finished piece of work as well.
        using (var reader = await EventReader.OpenAsync(victim.Client, VictimIds["session"], after: 0, ct))
        {
            await victim.Client.SayAsync(VictimIds["session"], $"!text {Canary}", ct);
            await reader.UntilAsync("session.status_idle", ct);
            await SettledAsync(victim, ct);
        }

        var runs = await victim.Client.GetFromJsonAsync<JsonElement>("/api/v1/runs", ct);
        VictimIds["run"] = runs.GetProperty("data")[0].GetProperty("id").GetString()!;
        VictimIds["source"] = await MakeAsync(victim, "/api/v1/knowledge/learn", new { source = Canary, text = $"{Canary} is a word that only the victim knows." }, ct);
    }

    /// <summary>The entry in the run queue goes a moment after the run's last event.</summary>
    private async Task SettledAsync(TestTenant victim, CancellationToken ct)
    {
        var queue = Host.Services.GetRequiredService<IRunQueue>();
        var entry = new QueuedSession(Id<Tenant>.Parse(victim.Id), Id<Session>.Parse(VictimIds["session"]));
        while (await queue.AllAsync(ct).ContainsAsync(entry, comparer: null, ct))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);
        }
    }

    private static async Task<string> MakeAsync(TestTenant tenant, string path, object body, CancellationToken ct)
    {
        using var answer = await tenant.Client.PostAsJsonAsync(path, body, ct);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync(ct)}");
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("id").GetString()!;
    }

    private static async Task<string> NewKeyAsync(TestTenant tenant, string scope, CancellationToken ct)
    {
        using var answer = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = scope, scopes = new[] { scope } }, ct);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("secret").GetString()!;
    }

    private static string Altered(string key) => key[..^8] + (key[^8] == 'a' ? 'b' : 'a') + key[^7..];

    private static string Filled(string text, IReadOnlyDictionary<string, string> ids)
    {
        foreach (var (name, id) in ids) text = text.Replace($"{{{name}}}", id, StringComparison.Ordinal);
        return text;
    }
}
