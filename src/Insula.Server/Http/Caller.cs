using Insula.Tenancy.Access;

namespace Insula.Server.Http;

/// <summary>Who is signed in on this request; set by <see cref="Authentication"/> and by nothing else.</summary>
internal static class Callers
{
    /// <summary>The signed-in caller; only for endpoints whose rule signs somebody in.</summary>
    public static SignedIn Caller(this HttpContext http) =>
        http.Features.Get<SignedIn>() ?? throw new InvalidOperationException($"{http.Request.Path} asked for the caller, but its rule lets nobody sign in.");

    /// <summary>The tenant's scope; only for endpoints under <c>RequireTenant</c>.</summary>
    public static TenantScope TenantScope(this HttpContext http) =>
        http.Caller() is SignedInTenant tenant ? tenant.Scope : throw new InvalidOperationException($"{http.Request.Path} asked for a tenant's scope without RequireTenant.");

    /// <summary>The operator's scope; only for endpoints under <c>RequireOperator</c>.</summary>
    public static OperatorScope OperatorScope(this HttpContext http) =>
        http.Caller() is SignedInOperator caller ? caller.Scope : throw new InvalidOperationException($"{http.Request.Path} asked for an operator's scope without RequireOperator.");
}
