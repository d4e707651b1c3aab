using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Serialization;
using Insula.Agents.Sessions;
using Insula.Server.Endpoints;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Server.ManagedAgents;

/// <summary>
/// The 21 operations of Managed Agents under <c>/v1</c>, in the shapes of the vendor's clients. What they send and we do
/// not know (fields, beta flags, <c>?beta=true</c>) is ignored; what we know and cannot do is refused by name.
/// </summary>
internal static class ManagedAgentsRoutes
{
    public static IServiceCollection AddManagedAgents(this IServiceCollection services) => services
        .AddSingleton<CreateAgent>()
        .AddSingleton<ShowAgent>()
        .AddSingleton<ListAgents>()
        .AddSingleton<UpdateAgent>()
        .AddSingleton<ArchiveAgent>()
        .AddSingleton<ListAgentVersions>()
        .AddSingleton<CreateEnvironment>()
        .AddSingleton<ShowEnvironment>()
        .AddSingleton<ListEnvironments>()
        .AddSingleton<UpdateEnvironment>()
        .AddSingleton<ArchiveEnvironment>()
        .AddSingleton<DeleteEnvironment>()
        .AddSingleton<CreateSession>()
        .AddSingleton<ShowSession>()
        .AddSingleton<ListSessions>()
        .AddSingleton<UpdateSession>()
        .AddSingleton<ArchiveSession>()
        .AddSingleton<DeleteSession>()
        .AddSingleton<SendEvents>()
        .AddSingleton<ListEvents>()
        .AddSingleton<StreamEvents>()
        .AddSingleton<EventStreams>()
        .AddSingleton<ShowRun>()
        .AddSingleton<ListRuns>()
        .AddSingleton<CancelRun>()
        .AddForks();

    public static void MapManagedAgents(this IEndpointRouteBuilder routes)
    {
        // The document of /api/v1 does not describe what the vendor's own documents do.
        var v1 = routes.MapGroup("/v1").ExcludeFromDescription();
        v1.MapAgents();
        v1.MapEnvironments();
        v1.MapSessions();
        v1.MapSessionEvents();
    }

    public static TBuilder Reads<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.RequireTenant(Permissions.Read, CallClass.Reads);

    public static TBuilder Writes<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.RequireTenant(Permissions.Write, CallClass.Requests);

    public static IResult Ok<T>(T view, int status = StatusCodes.Status200OK) => Results.Json(view, AgentsJson.Options, statusCode: status);

    public static IResult Answer<T, TView>(Result<T> result, Func<T, TView> view) => Answers.Of(result, value => Ok(view(value)));

    public static IResult Listed<T, TView>(Page<T> page, Func<T, TView> view) => Ok(new PageView<TView>([.. page.Items.Select(view)], page.Next));

    public static Task<Result<T>> BodyAsync<T>(this HttpContext http, CancellationToken ct) => http.ReadBodyAsync<T>(ApiJson.VendorInput, ct);
}
