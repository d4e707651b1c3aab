using System.Globalization;
using System.Text;
using System.Text.Json;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Serialization;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

/// <summary>The server-sent form of what happens in a session, for one stream. Each frame names its event: the vendor's client drops those that do not.</summary>
/// <param name="previews">The types of events to preview.</param>
internal sealed class EventFrames(IReadOnlyList<string> previews, TimeProvider time)
{
    /// <summary>The preview under way; its fragments do not repeat the type by which they were asked for.</summary>
    private Id<SessionEvent>? _preview;

    /// <summary>The frame of an item, or null when this stream does not want it.</summary>
    public byte[]? Of(FeedItem item)
    {
        switch (item)
        {
            case LoggedEvent { Event: var e }:
                return Frame(EventTypes.Of(e.Body), e.Seq, EventJson.Of(e));
            case MessageStarted started:
                _preview = previews.Contains(started.Type) ? started.Id : null;
                return _preview is null ? null : Frame("event_start", new StartView("event_start", new(started.Id, started.Type)));
            case MessageDelta delta when delta.Id == _preview:
                return Frame("event_delta", new DeltaView("event_delta", delta.Id, new("content_delta", delta.Index, ContentBlock.OfText(delta.Text))));
            case SessionGone:
                // The log went with the session, so this one event is made here and has no number to come back to.
                return Frame("session.deleted", new GoneView(Id<SessionEvent>.New(), "session.deleted", time.GetUtcNow().UtcDateTime));
            default:
                return null;
        }
    }

    public static byte[] Error(Fault fault, string requestId) => Frame("error", ErrorEnvelope.Of(fault, requestId));

    private static byte[] Frame<T>(string type, T view) => Frame(type, seq: null, JsonSerializer.SerializeToUtf8Bytes(view, AgentsJson.Options));

    // JSON escapes line breaks, so the data is always one line.
    private static byte[] Frame(string type, long? seq, byte[] json)
    {
        var id = seq is { } number ? string.Create(CultureInfo.InvariantCulture, $"id: {number}\n") : "";
        return [.. Encoding.ASCII.GetBytes($"event: {type}\n{id}data: "), .. json, .. "\n\n"u8];
    }

    private sealed record StartView(string Type, PreviewedView Event);

    private sealed record PreviewedView(Id<SessionEvent> Id, string Type);

    private sealed record DeltaView(string Type, Id<SessionEvent> EventId, FragmentView Delta);

    private sealed record FragmentView(string Type, int Index, ContentBlock Content);

    private sealed record GoneView(Id<SessionEvent> Id, string Type, DateTime ProcessedAt);
}
