using System.Text.Json;
using Insula.Agents.Tools;

namespace Insula.CrashNode;

/// <summary>A tool whose effect is outside: it tells another server, with the call's key.</summary>
internal sealed class OutsideTool(string name, ToolRepeat repeat, Uri server) : BuiltInTool
{
    /// <summary>The server answers at once, or when it never will.</summary>
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromMilliseconds(500) };

    public override string Name => name;

    public override string Description => "Acts on another server.";

    public override JsonElement InputSchema { get; } = JsonElement.Parse("""{"type":"object"}""");

    public override ToolRepeat Repeat => repeat;

    public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, name));
        request.Headers.Add("Idempotency-Key", call.IdempotencyKey);
        using var answer = await Http.SendAsync(request, ct);
        answer.EnsureSuccessStatusCode();
        return ToolOutcome.Of(await answer.Content.ReadAsStringAsync(ct));
    }
}
