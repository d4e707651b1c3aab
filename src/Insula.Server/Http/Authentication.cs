using System.Net;
using Insula.Server.Telemetry;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Microsoft.Net.Http.Headers;

namespace Insula.Server.Http;

/// <summary>
/// Decides who is calling and whether the endpoint's rule lets them, before anything of the endpoint runs: a refused
/// request reads no body and opens no store. On open endpoints a credential is not even looked at.
/// </summary>
internal sealed class Authentication(RequestDelegate next, Authenticate authenticate, HttpMetrics metrics)
{
    private static readonly Fault TenantsOnly = Fault.Forbidden(
        "tenant_key_needed", "This acts inside a tenant, and an operator key belongs to none. Use a key of the tenant (POST /api/v1/tenants/{id}/keys makes one).");

    private static readonly Fault OperatorsOnly = Fault.Forbidden("operator_key_needed", "Only the operator of this installation may do this.");

    public async Task InvokeAsync(HttpContext http)
    {
        // Endpoints without a route are the router's own refusals (405), which are the same for everyone.
        if (http.GetEndpoint() is not RouteEndpoint endpoint)
        {
            await next(http);
            return;
        }

        var rule = endpoint.Metadata.GetRequiredMetadata<CallerRule>();
        if (rule.Kind == CallerKind.Anonymous || (rule.Kind == CallerKind.OperatorOrLocal && IsLocal(http)))
        {
            await next(http);
            return;
        }

        var signedIn = await SignInAsync(http, rule);
        if (signedIn.Failed(out var fault, out var caller))
        {
            metrics.AuthenticationFailed(fault.Code);
            await http.WriteFaultAsync(fault);
            return;
        }

        http.Features.Set(caller);
        await next(http);
    }

    private async ValueTask<Result<SignedIn>> SignInAsync(HttpContext http, CallerRule rule)
    {
        if (Credential.Read(http.Request.Headers).Failed(out var fault, out var text)) return fault;
        if ((await authenticate.RunAsync(text, http.RequestAborted)).Failed(out fault, out var caller)) return fault;

        if (caller is SignedInTenant known) http.Features.Set(new CountedTenant(known.Scope.Tenant));
        return caller switch
        {
            SignedInTenant when rule.Kind is CallerKind.Operator or CallerKind.OperatorOrLocal => OperatorsOnly,
            SignedInTenant tenant when tenant.Scope.Lacks(rule.Permissions) is { } missing => missing,
            SignedInOperator when rule.Kind == CallerKind.Tenant => TenantsOnly,
            _ => caller,
        };
    }

    // Behind a proxy on the same machine every caller has a loopback address: a forwarded request is never local.
    private static bool IsLocal(HttpContext http) =>
        !Credential.IsGiven(http.Request.Headers)
        && http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
        && !http.Request.Headers.ContainsKey("X-Forwarded-For") && !http.Request.Headers.ContainsKey("Forwarded") && !http.Request.Headers.ContainsKey(HeaderNames.Via);
}
