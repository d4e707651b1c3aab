using Insula.Agents.Agents;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal static class AgentRoutes
{
    public static void MapAgents(this IEndpointRouteBuilder v1)
    {
        v1.MapPost("/agents", CreateAsync).Writes();
        v1.MapGet("/agents", ListAsync).Reads();
        v1.MapGet("/agents/{id}", ShowAsync).Reads();
        v1.MapPost("/agents/{id}", UpdateAsync).Writes();
        v1.MapPost("/agents/{id}/archive", ArchiveAsync).Writes();
        v1.MapGet("/agents/{id}/versions", VersionsAsync).Reads();
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateAgent create, CancellationToken ct)
    {
        if ((await http.BodyAsync<CreateAgentBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToDefinition().Failed(out var fault, out var definition)) return Answers.Of(fault);
        return ManagedAgentsRoutes.Answer(await create.CreateAsync(http.TenantScope(), definition, ct), AgentView.Of);
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListAgents list, CancellationToken ct)
    {
        var query = new VendorQuery(http.Request.Query);
        var filter = new AgentFilter(query.Flag("include_archived"), query.Created(), query.Text("name"));
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return ManagedAgentsRoutes.Listed(await list.ListAsync(http.TenantScope(), filter, page, ct), AgentView.Of);
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowAgent show, CancellationToken ct)
    {
        var query = new VendorQuery(http.Request.Query);
        var version = query.Number("version");
        if (query.Fault is { } badQuery) return Answers.Of(badQuery);
        if (Find(id).Failed(out var missing, out var agent)) return Answers.Of(missing);
        return ManagedAgentsRoutes.Answer(await show.ShowAsync(http.TenantScope(), agent, version, ct), AgentView.Of);
    }

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateAgent update, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var agent)) return Answers.Of(missing);
        if ((await http.BodyAsync<UpdateAgentBody>(ct)).Failed(out var badBody, out var body)) return Answers.Of(badBody);
        if (body.ToChanges().Failed(out var fault, out var changes)) return Answers.Of(fault);
        return ManagedAgentsRoutes.Answer(await update.UpdateAsync(http.TenantScope(), agent, changes, ct), AgentView.Of);
    }

    private static async Task<IResult> ArchiveAsync(HttpContext http, string id, ArchiveAgent archive, CancellationToken ct) =>
        Find(id).Failed(out var missing, out var agent)
            ? Answers.Of(missing)
            : ManagedAgentsRoutes.Answer(await archive.ArchiveAsync(http.TenantScope(), agent, ct), AgentView.Of);

    private static async Task<IResult> VersionsAsync(HttpContext http, string id, ListAgentVersions list, CancellationToken ct)
    {
        if (Find(id).Failed(out var missing, out var agent)) return Answers.Of(missing);
        if (PageQuery.Read(http.Request.Query).Failed(out var badPage, out var page)) return Answers.Of(badPage);
        return Answers.Of(await list.ListAsync(http.TenantScope(), agent, page, ct), versions => ManagedAgentsRoutes.Listed(versions, AgentView.Of));
    }

    private static Result<Id<Agent>> Find(string id) => RouteIds.Find<Agent>(id, "agent");
}
