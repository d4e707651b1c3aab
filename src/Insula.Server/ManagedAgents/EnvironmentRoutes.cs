using Insula.Agents.Environments;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal static class EnvironmentRoutes
{
    public static void MapEnvironments(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/environments", CreateAsync).Writes();
        v1.MapGet("/environments", ListAsync).Reads();
        v1.MapGet("/environments/{id}", ShowAsync).Reads();
        v1.MapPost("/environments/{id}", UpdateAsync).Writes();
        v1.MapDelete("/environments/{id}", DeleteAsync).Writes();
        v1.MapPost("/environments/{id}/archive", ArchiveAsync).Writes();
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateEnvironment create, CancellationToken ct)
    {
        if ((await http.BodyAsync<CreateEnvironmentBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToDefinition().Failed(out var fault, out var definition)) return Answers.Of(fault);
        return ManagedAgentsRoutes.Answer(await create.CreateAsync(http.TenantScope(), definition, ct), EnvironmentView.Of);
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListEnvironments list, CancellationToken ct)
    {
        var query = new VendorQuery(http.Request.Query);
        var filter = new EnvironmentFilter(query.Flag("include_archived"), query.Created());
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return ManagedAgentsRoutes.Listed(await list.ListAsync(http.TenantScope(), filter, page, ct), EnvironmentView.Of);
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowEnvironment show, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var environment)
            ? Answers.Of(missing)
            : ManagedAgentsRoutes.Answer(await show.ShowAsync(http.TenantScope(), environment, ct), EnvironmentView.Of);

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateEnvironment update, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var environment)) return Answers.Of(missing);
        if ((await http.BodyAsync<UpdateEnvironmentBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToChanges().Failed(out var fault, out var changes)) return Answers.Of(fault);
        return ManagedAgentsRoutes.Answer(await update.UpdateAsync(http.TenantScope(), environment, changes, ct), EnvironmentView.Of);
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, string id, DeleteEnvironment delete, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var environment)
            ? Answers.Of(missing)
            : ManagedAgentsRoutes.Answer(
                await delete.DeleteAsync(http.TenantScope(), environment, ct), _ => new DeletedView(environment.ToString(), "environment_deleted"));

    private static async Task<IResult> ArchiveAsync(HttpContext http, string id, ArchiveEnvironment archive, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var environment)
            ? Answers.Of(missing)
            : ManagedAgentsRoutes.Answer(await archive.ArchiveAsync(http.TenantScope(), environment, ct), EnvironmentView.Of);

    private static Result<Id<AgentEnvironment>> Find(string id) => RouteIds.Find<AgentEnvironment>(id, "environment");
}
