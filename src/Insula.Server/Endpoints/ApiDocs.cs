namespace Insula.Server.Endpoints;

/// <summary>The type of an endpoint's JSON body, for the OpenAPI document. Routing does not look at it: a body is judged after the caller.</summary>
internal sealed record BodyDoc(Type Type, bool Required);

/// <summary>Says that an endpoint lists by <c>limit</c> and <c>page</c>.</summary>
internal sealed record PagedDoc(IReadOnlyList<QueryDoc> Filters);

internal sealed record QueryDoc(string Name, string Description);

/// <summary>What an endpoint takes and gives, said once beside its route.</summary>
internal static class ApiDocs
{
    public static RouteHandlerBuilder Takes<TBody>(this RouteHandlerBuilder route) => route.WithMetadata(new BodyDoc(typeof(TBody), Required: true));

    public static RouteHandlerBuilder MayTake<TBody>(this RouteHandlerBuilder route) => route.WithMetadata(new BodyDoc(typeof(TBody), Required: false));

    public static RouteHandlerBuilder Gives<TAnswer>(this RouteHandlerBuilder route, int status = StatusCodes.Status200OK) => route.Produces<TAnswer>(status);

    public static RouteHandlerBuilder Paged(this RouteHandlerBuilder route, params QueryDoc[] filters) => route.WithMetadata(new PagedDoc(filters));
}
