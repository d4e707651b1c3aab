using System.Net.Http.Json;
using System.Text.Json;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>Calls of <c>/v1</c> as a test needs them: a refusal that no test expects fails it with its text.</summary>
internal static class VendorApi
{
    public static async Task<JsonElement> MakeAsync(this HttpClient client, string path, object body, CancellationToken ct)
    {
        using var answer = await client.PostAsJsonAsync(path, body, ct);
        return await ReadAsync(answer, ct);
    }

    public static async Task<JsonElement> FetchAsync(this HttpClient client, string path, CancellationToken ct)
    {
        using var answer = await client.GetAsync(new Uri(path, UriKind.Relative), ct);
        return await ReadAsync(answer, ct);
    }

    public static string Id(this JsonElement made) => made.GetProperty("id").GetString()!;

    /// <summary>An idle session whose agent plays scripts.</summary>
    public static async Task<string> StartSessionAsync(this HttpClient client, CancellationToken ct)
    {
        var agent = await client.MakeAsync("/v1/agents", new { name = "scripted", model = "insula/scripted" }, ct);
        var environment = await client.MakeAsync("/v1/environments", new { name = "e" }, ct);
        var session = await client.MakeAsync("/v1/sessions", new { agent = agent.Id(), environment_id = environment.Id() }, ct);
        return session.Id();
    }

    public static Task<JsonElement> SayAsync(this HttpClient client, string session, string text, CancellationToken ct) => client.MakeAsync(
        $"/v1/sessions/{session}/events",
        new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text } } } } },
        ct);

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        var text = await answer.Content.ReadAsStringAsync(ct);
        Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode} {text}");
        return JsonElement.Parse(text);
    }
}
