using Insula.Agents.Agents;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal static class SessionRoutes
{
    public static void MapSessions(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/sessions", CreateAsync).Writes();
        v1.MapGet("/sessions", ListAsync).Reads();
        v1.MapGet("/sessions/{id}", ShowAsync).Reads();
        v1.MapPost("/sessions/{id}", UpdateAsync).Writes();
        v1.MapDelete("/sessions/{id}", DeleteAsync).Writes();
        v1.MapPost("/sessions/{id}/archive", ArchiveAsync).Writes();
    }

    public static Result<Id<Session>> Find(string id) => RouteIds.Find<Session>(id, "session");

    private static async Task<IResult> CreateAsync(HttpContext http, CreateSession create, TimeProvider time, CancellationToken ct)
    {
        if ((await http.BodyAsync<CreateSessionBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToDefinition().Failed(out var fault, out var definition)) return Answers.Of(fault);
        return Answer(await create.CreateAsync(http.TenantScope(), definition, ct), time);
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListSessions list, TimeProvider time, CancellationToken ct)
    {
        var query = new VendorQuery(http.Request.Query);
        var (agent, version) = (query.Id<Agent>("agent_id"), query.Number("agent_version"));
        var filter = new SessionFilter
        {
            AgentId = agent,
            // A version says nothing without its agent; the vendor's documents let it go unheard then.
            AgentVersion = agent is null ? null : version,
            Statuses = query.Values<SessionStatus>("statuses"),
            IncludeArchived = query.Flag("include_archived"),
            Created = query.Created(),
            Ascending = query.Ascending(byDefault: false),
        };
        var byWhatNoSessionHas = query.Text("deployment_id") is not null || query.Text("memory_store_id") is not null;
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);

        var sessions = byWhatNoSessionHas ? new BidirectionalPage<Session>([], null, null) : await list.ListAsync(http.TenantScope(), filter, page, ct);
        var now = time.GetUtcNow();
        return ManagedAgentsRoutes.Ok(new SessionPageView([.. sessions.Items.Select(session => SessionView.Of(session, now))], sessions.Next, sessions.Previous));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowSession show, TimeProvider time, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var session) ? Answers.Of(missing) : Answer(await show.ShowAsync(http.TenantScope(), session, ct), time);

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateSession update, TimeProvider time, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        if ((await http.BodyAsync<UpdateSessionBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToChanges().Failed(out var fault, out var changes)) return Answers.Of(fault);
        return Answer(await update.UpdateAsync(http.TenantScope(), session, changes, ct), time);
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, string id, DeleteSession delete, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var session)
            ? Answers.Of(missing)
            : ManagedAgentsRoutes.Answer(await delete.DeleteAsync(http.TenantScope(), session, ct), _ => new DeletedView(session.ToString(), "session_deleted"));

    private static async Task<IResult> ArchiveAsync(HttpContext http, string id, ArchiveSession archive, TimeProvider time, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var session) ? Answers.Of(missing) : Answer(await archive.ArchiveAsync(http.TenantScope(), session, ct), time);

    private static IResult Answer(Result<Session> result, TimeProvider time) =>
        ManagedAgentsRoutes.Answer(result, session => SessionView.Of(session, time.GetUtcNow()));
}
