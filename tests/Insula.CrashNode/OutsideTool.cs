using System.Text.Json;
using Insula.Agents.Tools;

namespace Insula.CrashNode;

/// <summary>A tool whose effect is outside: it tells another server, with the call's key.</summary>
internal sealed class OutsideTool(string name, ToolRepeat repeat, Uri server) : BuiltInTool
{
    /// <summary>Short for the tool that is never answered; long for the others, whose answer a busy machine may keep waiting.</summary>
    private readonly HttpClient _http = new() { Timeout = name == "late" ? TimeSpan.FromMilliseconds(500) : TimeSpan.FromSeconds(30) };

    public override string Name => name;

    public override string Description => "Acts on another server.";

    public override JsonElement InputSchema { get; } = JsonElement.Parse("""{"type":"object"}""");

    public override ToolRepeat Repeat => repeat;

    public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, name));
        request.Headers.Add("Idempotency-Key", call.IdempotencyKey);
        using var answer = await _http.SendAsync(request, ct);
        answer.EnsureSuccessStatusCode();
        return ToolOutcome.Of(await answer.Content.ReadAsStringAsync(ct));
    }
}
