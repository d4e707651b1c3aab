using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Insula.TestKit.Processes;

/// <summary>The few calls that most end-to-end tests make, over plain HTTP, so that they test the wire and not a client of ours.</summary>
public static class ApiCalls
{
    /// <summary>Posts JSON and reads the answer; a refusal fails the test with its body.</summary>
    public static async Task<JsonObject> PostAsync(this HttpClient client, string path, object body, CancellationToken ct)
    {
        using var response = await client.PostAsJsonAsync(path, body, ct);
        return await ReadAsync(response, ct);
    }

    public static async Task<JsonObject> GetObjectAsync(this HttpClient client, string path, CancellationToken ct)
    {
        using var response = await client.GetAsync(path, ct);
        return await ReadAsync(response, ct);
    }

    public static string Id(this JsonObject answer) => answer["id"]!.GetValue<string>();

    /// <summary>A tenant whose limits are out of the way of a load.</summary>
    /// <param name="placement">Null for the installation's default.</param>
    public static async Task<(string Id, string Key)> CreateTenantAsync(this HttpClient client, string name, CancellationToken ct, string? placement = null)
    {
        var created = await client.PostAsync(
            "/api/v1/tenants",
            new { name, plan = "enterprise", placement, limits = new { requests_per_minute = 1_000_000, reads_per_minute = 1_000_000 } },
            ct);
        return (created["tenant"]!["id"]!.GetValue<string>(), created["key"]!["secret"]!.GetValue<string>());
    }

    /// <summary>An agent on a model, and an environment to run it in.</summary>
    public static async Task<(string Agent, string Environment)> CreateAgentAsync(this HttpClient client, string model, CancellationToken ct)
    {
        var agent = await client.PostAsync("/v1/agents", new { name = "test", model }, ct);
        var environment = await client.PostAsync("/v1/environments", new { name = "test", config = new { type = "cloud", networking = new { type = "unrestricted" } } }, ct);
        return (agent.Id(), environment.Id());
    }

    public static async Task<string> CreateSessionAsync(this HttpClient client, string agent, string environment, CancellationToken ct) =>
        (await client.PostAsync("/v1/sessions", new { agent, environment_id = environment }, ct)).Id();

    /// <summary>Sends one message; the id that was acknowledged.</summary>
    public static async Task<string> SendAsync(this HttpClient client, string session, string text, CancellationToken ct)
    {
        var answer = await client.PostAsync(
            $"/v1/sessions/{session}/events",
            new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text } } } } },
            ct);
        return answer["data"]![0]!["id"]!.GetValue<string>();
    }

    private static async Task<JsonObject> ReadAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var text = await response.Content.ReadAsStringAsync(ct);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{(int)response.StatusCode} {response.RequestMessage!.RequestUri!.PathAndQuery}: {text}", inner: null, response.StatusCode);
        return JsonSerializer.Deserialize<JsonObject>(text)!;
    }
}
