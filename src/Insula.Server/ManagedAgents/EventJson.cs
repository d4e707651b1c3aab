using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Insula.Agents.Events;
using Insula.Agents.Serialization;

namespace Insula.Server.ManagedAgents;

/// <summary>
/// The wire form of an event: the stored form, which is Managed Agents JSON already, with <c>id</c> and
/// <c>processed_at</c> put in front. It is spliced as bytes, because every watcher of every session pays for it.
/// </summary>
internal static class EventJson
{
    public static byte[] Of(SessionEvent e)
    {
        var body = BodyOf(e.Body);
        var head = Encoding.ASCII.GetBytes($"{{\"id\":\"{e.Id}\",\"processed_at\":{ProcessedAt(e)},");

        // The body begins with its type, so it is never empty and the comma is always right.
        var whole = new byte[head.Length + body.Length - 1];
        head.CopyTo(whole, 0);
        body.AsSpan(1).CopyTo(whole.AsSpan(head.Length));
        return whole;
    }

    private static byte[] BodyOf(EventBody body)
    {
        if (body is not SessionUpdated { Agent: { } agent }) return JsonSerializer.SerializeToUtf8Bytes(body, AgentsJson.Options);

        var node = JsonSerializer.SerializeToNode(body, AgentsJson.Options)!.AsObject();
        node["agent"] = JsonSerializer.SerializeToNode(SessionAgentView.Of(agent.Id, agent.Version, agent.Definition), AgentsJson.Options);
        return JsonSerializer.SerializeToUtf8Bytes<JsonNode>(node, AgentsJson.Options);
    }

    /// <summary>Input is processed when a run takes it up; everything else is when it is written.</summary>
    private static string ProcessedAt(SessionEvent e) => (e.ProcessedAt ?? (e.Body is InputBody ? null : e.CreatedAt)) is { } at
        ? $"\"{at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)}\""
        : "null";
}
