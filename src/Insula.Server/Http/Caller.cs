using Insula.Tenancy.Access;

namespace Insula.Server.Http;

/// <summary>Who is signed in on this request; set by the authentication middleware and by nothing else.</summary>
internal abstract record Caller;

internal sealed record TenantCaller(TenantScope Scope) : Caller;

internal sealed record OperatorCaller(OperatorScope Scope) : Caller;

internal static class Callers
{
    /// <summary>The signed-in caller of an endpoint under <c>RequireAnyone</c>.</summary>
    public static Caller Caller(this HttpContext http) =>
        http.Features.Get<Caller>() ?? throw new InvalidOperationException($"{http.Request.Path} asked for the caller, but its rule lets nobody sign in.");

    /// <summary>The tenant's scope; only for endpoints under <c>RequireTenant</c>.</summary>
    public static TenantScope TenantScope(this HttpContext http) =>
        http.Caller() is TenantCaller tenant ? tenant.Scope : throw new InvalidOperationException($"{http.Request.Path} asked for a tenant's scope without RequireTenant.");

    /// <summary>The operator's scope; only for endpoints under <c>RequireOperator</c>.</summary>
    public static OperatorScope OperatorScope(this HttpContext http) =>
        http.Caller() is OperatorCaller caller ? caller.Scope : throw new InvalidOperationException($"{http.Request.Path} asked for an operator's scope without RequireOperator.");
}
