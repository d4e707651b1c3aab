using System.Globalization;
using Insula.Agents.Agents;
using Insula.Agents.Schedules;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.Endpoints;

/// <summary>What fires by the clock, and what became of it.</summary>
internal static class ScheduleEndpoints
{
    private const string Noun = "schedule";

    public static void MapSchedules(this IEndpointRouteBuilder routes)
    {
        var schedules = routes.MapGroup("/api/v1/schedules").WithTags("schedules");
        schedules.MapPost("", CreateAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Takes<CreateScheduleRequest>().Gives<ScheduleView>(StatusCodes.Status201Created).WithName("create_schedule").WithSummary("Create a schedule");
        schedules.MapGet("", ListAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Paged(new("enabled", "true or false: paused ones are not enabled."), new("agent", "Schedules of this agent, by id."))
            .Gives<PageView<ScheduleView>>().WithName("list_schedules").WithSummary("List schedules, newest first");
        schedules.MapGet("{id}", ShowAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Gives<ScheduleView>().WithName("get_schedule").WithSummary("Show a schedule; preview=5 adds its next five firings");
        schedules.MapPatch("{id}", UpdateAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Takes<UpdateScheduleRequest>().Gives<ScheduleView>().WithName("update_schedule").WithSummary("Change a schedule; what is left out stays");
        schedules.MapDelete("{id}", DeleteAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<DeletedScheduleView>().WithName("delete_schedule").WithSummary("Delete a schedule with its history; what it started goes on");
        schedules.MapPost("{id}/pause", PauseAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<ScheduleView>().WithName("pause_schedule").WithSummary("Fire no more until it is resumed");
        schedules.MapPost("{id}/resume", ResumeAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<ScheduleView>().WithName("resume_schedule").WithSummary("Fire again; moments of the pause are not missed");
        schedules.MapPost("{id}/trigger", TriggerAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<FiringView>(StatusCodes.Status202Accepted).WithName("trigger_schedule").WithSummary("Fire once now; the history says what became of it");
        schedules.MapGet("{id}/history", HistoryAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Paged(new QueryDoc("outcome", "pending, fired, skipped_overlap, skipped_missed or failed."))
            .Gives<PageView<FiringView>>().WithName("list_schedule_firings").WithSummary("List what became of a schedule's moments, newest first");
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateSchedule create, ShowSchedules show, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<CreateScheduleRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);
        if (body.ToDefinition().Failed(out fault, out var definition)) return Answers.Of(fault);

        return Answers.Of(await create.CreateAsync(http.TenantScope(), definition, body.Enabled, ct), schedule => Answers.Created(ScheduleView.Of(schedule, show, preview: 0)));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ShowSchedules show, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);
        if (FilterOf(http.Request.Query).Failed(out fault, out var filter)) return Answers.Of(fault);

        return Answers.Listed(await show.ListAsync(http.TenantScope(), filter, page, ct), schedule => ScheduleView.Of(schedule, show, preview: 0));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowSchedules show, CancellationToken ct)
    {
        if (RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule)) return Answers.Of(fault);
        var preview = 0;
        if (http.Request.Query.TryGetValue("preview", out var given)
            && (given.Count != 1 || !int.TryParse(given[0], NumberStyles.None, CultureInfo.InvariantCulture, out preview) || preview > ShowSchedules.PreviewMax))
        {
            return Answers.Of(Fault.Invalid("preview", $"preview must be one whole number from 0 to {ShowSchedules.PreviewMax}."));
        }

        return Answers.Of(await show.ShowAsync(http.TenantScope(), schedule, ct), shown => Answers.Ok(ScheduleView.Of(shown, show, preview)));
    }

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateSchedule update, ShowSchedules show, CancellationToken ct)
    {
        if (RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule)) return Answers.Of(fault);
        if ((await http.ReadBodyAsync<UpdateScheduleRequest>(ApiJson.Options, ct)).Failed(out fault, out var body)) return Answers.Of(fault);
        if (body.ToChange().Failed(out fault, out var change)) return Answers.Of(fault);

        return Shown(await update.UpdateAsync(http.TenantScope(), schedule, change, ct), show);
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, string id, DeleteSchedule delete, CancellationToken ct) =>
        RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule)
            ? Answers.Of(fault)
            : Answers.Of(await delete.DeleteAsync(http.TenantScope(), schedule, ct), _ => Answers.Ok(new DeletedScheduleView(schedule, Deleted: true)));

    private static async Task<IResult> PauseAsync(HttpContext http, string id, PauseSchedule pause, ShowSchedules show, CancellationToken ct) =>
        RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule) ? Answers.Of(fault) : Shown(await pause.PauseAsync(http.TenantScope(), schedule, ct), show);

    private static async Task<IResult> ResumeAsync(HttpContext http, string id, PauseSchedule pause, ShowSchedules show, CancellationToken ct) =>
        RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule) ? Answers.Of(fault) : Shown(await pause.ResumeAsync(http.TenantScope(), schedule, ct), show);

    private static async Task<IResult> TriggerAsync(HttpContext http, string id, TriggerSchedule trigger, CancellationToken ct) =>
        RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule)
            ? Answers.Of(fault)
            : Answers.Of(await trigger.TriggerAsync(http.TenantScope(), schedule, ct), static firing => Results.Json(FiringView.Of(firing), ApiJson.Options, statusCode: StatusCodes.Status202Accepted));

    private static async Task<IResult> HistoryAsync(HttpContext http, string id, ShowSchedules show, CancellationToken ct)
    {
        if (RouteIds.Find<Schedule>(id, Noun).Failed(out var fault, out var schedule)) return Answers.Of(fault);
        if (PageQuery.Read(http.Request.Query).Failed(out fault, out var page)) return Answers.Of(fault);
        FiringOutcome? outcome = null;
        if (http.Request.Query.TryGetValue("outcome", out var given))
        {
            outcome = given is [{ } name] ? FiringView.OutcomeOf(name) : null;
            if (outcome is null) return Answers.Of(Fault.Invalid("outcome", "outcome must be one of pending, fired, skipped_overlap, skipped_missed, failed, once."));
        }

        return Answers.Of(await show.HistoryAsync(http.TenantScope(), schedule, outcome, page, ct), firings => Answers.Listed(firings, FiringView.Of));
    }

    private static IResult Shown(Result<Schedule> schedule, ShowSchedules show) => Answers.Of(schedule, shown => Answers.Ok(ScheduleView.Of(shown, show, preview: 0)));

    private static Result<ScheduleFilter> FilterOf(IQueryCollection query)
    {
        bool? enabled = null;
        if (query.TryGetValue("enabled", out var flags))
        {
            if (flags is not ["true" or "false"]) return Fault.Invalid("enabled", "enabled must be true or false, once.");
            enabled = flags[0] == "true";
        }

        Id<Agent>? agent = null;
        if (query.TryGetValue("agent", out var agents))
        {
            if (agents is not [{ } text] || !Id<Agent>.TryParse(text, out var id)) return Fault.Invalid("agent", "agent must be the id of an agent, once.");
            agent = id;
        }

        return new ScheduleFilter(enabled, agent);
    }
}
