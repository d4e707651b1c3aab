using Insula.Tenancy.Access;

namespace Insula.Server.Http;

/// <summary>Which rate limits a call of a tenant counts against.</summary>
internal enum CallClass
{
    /// <summary>Calls that change something or start work.</summary>
    Requests,

    /// <summary>All other calls.</summary>
    Reads,

    /// <summary>Teaching: counts as a request and as a learn.</summary>
    Learn,

    /// <summary>Asking knowledge: counts as a read and as a reason.</summary>
    Reason,
}

internal enum CallerKind
{
    /// <summary>Nobody needs to be signed in.</summary>
    Anonymous,

    /// <summary>A key of a tenant.</summary>
    Tenant,

    /// <summary>An operator of the installation.</summary>
    Operator,

    /// <summary>Either of the two.</summary>
    Anyone,

    /// <summary>An operator, or anybody without a key on this machine.</summary>
    OperatorOrLocal,
}

/// <summary>
/// Who may call an endpoint. Every endpoint carries exactly one: the server refuses to start with one that has none
/// (<see cref="DefaultDeny"/>), so forgetting it cannot open a door.
/// </summary>
/// <param name="Permissions">What a tenant's key needs; operators need none.</param>
/// <param name="Class">The limits that a tenant's call counts against; operators are not limited.</param>
internal sealed record CallerRule(CallerKind Kind, Permissions Permissions, CallClass Class);

internal static class CallerRules
{
    /// <summary>A tenant's key with <paramref name="needed"/> may call; its scope is <see cref="Callers.TenantScope"/>.</summary>
    public static TBuilder RequireTenant<TBuilder>(this TBuilder endpoint, Permissions needed, CallClass limit)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CallerRule(CallerKind.Tenant, needed, limit));

    /// <summary>An operator may call; the scope is <see cref="Callers.OperatorScope"/>.</summary>
    public static TBuilder RequireOperator<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CallerRule(CallerKind.Operator, Permissions.None, CallClass.Requests));

    /// <summary>An operator, or a tenant's key with <paramref name="needed"/>; ask <see cref="Callers.Caller"/> which.</summary>
    public static TBuilder RequireAnyone<TBuilder>(this TBuilder endpoint, Permissions needed, CallClass limit)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CallerRule(CallerKind.Anyone, needed, limit));

    /// <summary>An operator, or a caller on this machine who sends no key: for what a local scraper needs.</summary>
    public static TBuilder RequireOperatorOrLocal<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CallerRule(CallerKind.OperatorOrLocal, Permissions.None, CallClass.Reads));

    /// <summary>Open to everyone: say why beside the call.</summary>
    public static TBuilder AllowAnonymousCaller<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CallerRule(CallerKind.Anonymous, Permissions.None, CallClass.Requests));
}
