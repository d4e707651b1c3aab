using Insula.Agents.Agents;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Server.ManagedAgents;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.Endpoints;

/// <summary>A tenant's runs, from the message that queued them to their end.</summary>
internal static class RunEndpoints
{
    public static void MapRuns(this IEndpointRouteBuilder routes)
    {
        var runs = routes.MapGroup("/api/v1/runs").WithTags("runs");
        runs.MapGet("", ListAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Paged().Gives<PageView<RunView>>().WithName("list_runs")
            .WithSummary("List runs, newest first; filters: statuses, session_id, agent_id, created_at[gt|gte|lt|lte], order");
        runs.MapGet("{id}", ShowAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Gives<RunView>().WithName("get_run").WithSummary("Show a run; of a queued one also why it waits, its place and an estimated start");
        runs.MapPost("{id}/cancel", CancelAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<RunView>(StatusCodes.Status202Accepted).WithName("cancel_run").WithSummary("End a run, queued or open; one that is over stays as it is");
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListRuns list, CancellationToken ct)
    {
        var query = new VendorQuery(http.Request.Query);
        var filter = new RunFilter
        {
            Session = query.Id<Session>("session_id"),
            Agent = query.Id<Agent>("agent_id"),
            Statuses = query.Values<RunStatus>("statuses") ?? [],
            Queued = query.Created(),
            Ascending = query.Ascending(byDefault: false),
        };
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return Answers.Listed(await list.ListAsync(http.TenantScope(), filter, page, ct), static run => RunView.Of(run));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowRun show, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var run)) return Answers.Of(missing);
        return Answers.Of(await show.ShowAsync(http.TenantScope(), run, ct), static standing => Answers.Ok(RunView.Of(standing.Run, standing.Place)));
    }

    private static async Task<IResult> CancelAsync(HttpContext http, string id, CancelRun cancel, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var run)) return Answers.Of(missing);
        return Answers.Of(await cancel.CancelAsync(http.TenantScope(), run, ct), static found => Answers.Accepted(RunView.Of(found)));
    }

    private static Result<Id<Run>> Find(string id) => RouteIds.Find<Run>(id, "run");
}

/// <param name="Status"><c>queued</c>, <c>running</c>, <c>waiting</c> for a confirmation or a tool result, <c>ended</c>, or <c>terminated</c> by the installation.</param>
/// <param name="StopReason">Why it ended or waits: <c>end_turn</c>, <c>requires_action</c>, <c>interrupted</c>, <c>cancelled</c>, <c>rolled_back</c>, <c>limit_reached</c>, <c>retries_exhausted</c>, <c>refusal</c>.</param>
/// <param name="Steps">Model calls and tool calls so far.</param>
/// <param name="StartedAt">When a worker took it up; null while it is queued.</param>
/// <param name="Wait">While it is queued, or its next model call has to wait: what for.</param>
internal sealed record RunView(
    Id<Run> Id,
    Id<Session> SessionId,
    RunStatus Status,
    string? StopReason,
    RunErrorView? Error,
    int Steps,
    RunUsageView Usage,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt,
    RunWaitView? Wait)
{
    public static RunView Of(Run run, QueuePlace? place = null) => new(
        run.Id,
        run.Session,
        run.Status,
        run.StopReason,
        run.Error is { } error ? new RunErrorView(error.Type, error.Message) : null,
        run.Steps,
        new RunUsageView(run.Usage.Input, run.Usage.Output, run.Usage.CacheRead, run.Usage.CacheWrite),
        run.QueuedAt,
        run.StartedAt,
        run.EndedAt,
        place is null ? null : new RunWaitView(place.Reason, place.Ahead, place.EstimatedStart));
}

internal sealed record RunErrorView(string Type, string Message);

internal sealed record RunUsageView(long InputTokens, long OutputTokens, long CacheReadInputTokens, long CacheCreationInputTokens);

/// <param name="Reason"><c>ready</c>: a worker takes it now. <c>tenant_limit</c>: the tenant's concurrent runs are all in use. <c>workers_busy</c>: all workers are. <c>turn</c>: others are first. <c>session</c>: the run before it in its session is not over. <c>token_limit</c>: the next model call waits until the tenant's tokens a minute allow it. <c>delayed</c>, <c>suspended</c>.</param>
/// <param name="Ahead">Sessions of the same tenant that come before it.</param>
/// <param name="EstimatedStart">From how long recent runs took; null when nothing is known.</param>
internal sealed record RunWaitView(QueueReason Reason, int Ahead, DateTimeOffset? EstimatedStart);
