using System.Diagnostics;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Server.Http;

/// <summary>
/// Gives every request an id of ours (<c>req_…</c>), writes it into every log line of the request, and answers it under the names that
/// both vendors' clients read. An id that a client sends is never taken: it could copy another's.
/// </summary>
internal sealed class RequestIds(RequestDelegate next, ILogger<RequestIds> log)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var id = $"req_{Base62.Random(22)}";
        http.TraceIdentifier = id;
        var headers = http.Response.Headers;
        headers["request-id"] = id;
        headers["x-request-id"] = id;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        if (http.Request.Headers.TraceParent is [{ } parent] && ActivityContext.TryParse(parent, null, out _)) headers.TraceParent = parent;
        using (log.BeginScope(new LogScope(http)))
        {
            await next(http);
        }
    }

    /// <summary>The request's id, and its caller once that is known; by id and never by key.</summary>
    private sealed class LogScope(HttpContext http)
    {
        public override string ToString() => http.Features.Get<SignedIn>() switch
        {
            SignedInTenant tenant => $"{http.TraceIdentifier} {tenant.Scope.Tenant} {tenant.Scope.Principal}",
            SignedInOperator platform => $"{http.TraceIdentifier} {platform.Scope.Principal}",
            _ => http.TraceIdentifier,
        };
    }
}
