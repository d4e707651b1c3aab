using System.Globalization;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

internal static class EventRoutes
{
    public static void MapSessionEvents(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/sessions/{id}/events", SendAsync).Writes();
        v1.MapGet("/sessions/{id}/events", ListAsync).Reads();
        v1.MapGet("/sessions/{id}/events/stream", StreamAsync).Reads();
    }

    private static async Task<IResult> SendAsync(HttpContext http, string id, SendEvents send, CancellationToken ct)
    {
        if (SessionRoutes.Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        if ((await http.BodyAsync<SendEventsBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (InputEventBody.ToInput("events", body.Events).Failed(out var fault, out var events)) return Answers.Of(fault);
        return ManagedAgentsRoutes.Answer(
            await send.SendAsync(http.TenantScope(), session, events, body.InputPolicy, ct), sent => new SentEventsView([.. sent.Select(e => new EventView(e))]));
    }

    private static async Task<IResult> ListAsync(HttpContext http, string id, ListEvents list, CancellationToken ct)
    {
        if (SessionRoutes.Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        var query = new VendorQuery(http.Request.Query);
        var filter = new EventFilter(query.Values("types"), query.Created(), query.Ascending(byDefault: true));
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return Answers.Of(await list.ListAsync(http.TenantScope(), session, filter, page, ct), events => ManagedAgentsRoutes.Listed(events, e => new EventView(e)));
    }

    private static async Task<IResult> StreamAsync(HttpContext http, string id, StreamEvents stream, EventStreams streams, CancellationToken ct)
    {
        if (SessionRoutes.Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        var query = new VendorQuery(http.Request.Query);
        var previews = query.Values("event_deltas");
        var queryCursor = query.Text("last_event_id");
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (previews.FirstOrDefault(type => type is not ("agent.message" or "agent.thinking")) is { } unknown)
        {
            return Answers.Of(Fault.Invalid("event_deltas", $"event_deltas must be agent.message or agent.thinking, not {unknown}."));
        }

        // A browser that reconnects sends the header and cannot change its query, so the header is the newer of the two.
        var header = http.Request.Headers["Last-Event-ID"].ToString();
        if (Cursor(header.Length > 0 ? header : queryCursor).Failed(out var badCursor, out var after)) return Answers.Of(badCursor);
        if ((await stream.OpenAsync(http.TenantScope(), session, after, ct)).Failed(out var fault, out var items)) return Answers.Of(fault);
        return streams.Answer(items, previews);
    }

    private static Result<long?> Cursor(string? text)
    {
        if (string.IsNullOrEmpty(text)) return (long?)null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seq)
            ? seq
            : Fault.Invalid("last_event_id", "Last-Event-ID must be the id of an event of this stream, a whole number.");
    }
}
