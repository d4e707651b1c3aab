using System.Text.Json;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Server.ManagedAgents;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Server.Endpoints;

/// <summary>What sessions can do beyond Managed Agents: go back in their logs. They are made and read under <c>/v1</c>.</summary>
internal static class SessionEndpoints
{
    public static IServiceCollection AddForks(this IServiceCollection services) => services.AddSingleton<ForkSession>().AddSingleton<ListCheckpoints>();

    public static void MapForks(this IEndpointRouteBuilder routes)
    {
        var sessions = routes.MapGroup("/api/v1/sessions").WithTags("sessions");
        sessions.MapPost("{id}/fork", ForkAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Takes<ForkRequestDoc>().Gives<ForkDoc>(StatusCodes.Status201Created).WithName("fork_session")
            .WithSummary("Make a session that goes on from event number `at` of this one; the answer is the session as /v1/sessions gives it");
        sessions.MapGet("{id}/checkpoints", ListAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Paged(new QueryDoc("run_id", "Only those of this run."), new QueryDoc("order", "desc (newest first) or asc; desc when left out."))
            .Gives<PageView<CheckpointView>>().WithName("list_checkpoints")
            .WithSummary("List the positions of a session's log that are worth a fork");
    }

    private static async Task<IResult> ForkAsync(HttpContext http, string id, ForkSession fork, TimeProvider time, CancellationToken ct)
    {
        if (SessionRoutes.Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        if ((await http.ReadBodyAsync<ForkRequest>(ApiJson.Options, ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (InputEventBody.ToInput("events", body.Events ?? []).Failed(out var fault, out var events)) return Answers.Of(fault);
        return Answers.Of(
            await fork.ForkAsync(http.TenantScope(), session, body.At, events, ct),
            made => ManagedAgentsRoutes.Ok(SessionView.Of(made, time.GetUtcNow()), StatusCodes.Status201Created));
    }

    private static async Task<IResult> ListAsync(HttpContext http, string id, ListCheckpoints list, CancellationToken ct)
    {
        if (SessionRoutes.Find(id).Failed(out var missing, out var session)) return Answers.Of(missing);
        var query = new VendorQuery(http.Request.Query);
        var (run, ascending) = (query.Id<Run>("run_id"), query.Ascending(byDefault: false));
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return Answers.Of(await list.ListAsync(http.TenantScope(), session, run, ascending, page, ct), found => Answers.Listed(found, CheckpointView.Of));
    }
}

internal sealed record ForkRequest(long At, IReadOnlyList<InputEventBody>? Events = null);

/// <summary><see cref="ForkRequest"/> for the OpenAPI document, without the vendor's input events that a fork does not take.</summary>
/// <param name="At">The number of the last event that the fork shares; 0 for none.</param>
/// <param name="Events">The fork's first input: user.message and system.message events.</param>
internal sealed record ForkRequestDoc(long At, IReadOnlyList<ForkInputDoc>? Events = null);

/// <param name="Content">Blocks of content as in /v1: text, and in a user.message image and document.</param>
internal sealed record ForkInputDoc(string Type, IReadOnlyList<JsonElement> Content);

/// <summary>The members of the answer that belong to the fork, for the OpenAPI document; the others are the vendor's.</summary>
internal sealed record ForkDoc(Id<Session> Id, string Type, SessionStatus Status, ForkPoint ForkedFrom);

/// <param name="Seq">What a fork takes as <c>at</c>.</param>
internal sealed record CheckpointView(long Seq, Id<SessionEvent> EventId, CheckpointKind Kind, Id<Run>? RunId, DateTime CreatedAt)
{
    public static CheckpointView Of(Checkpoint checkpoint) =>
        new(checkpoint.Seq, checkpoint.EventId, checkpoint.Kind, checkpoint.RunId, checkpoint.CreatedAt.UtcDateTime);
}
