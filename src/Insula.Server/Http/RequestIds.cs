using System.Diagnostics;
using Insula.Tenancy.Identity;

namespace Insula.Server.Http;

/// <summary>
/// Gives every request an id of ours (<c>req_…</c>, also the log scope's RequestId) and answers it under the names that
/// both vendors' clients read. An id that a client sends is never taken: it could copy another's.
/// </summary>
internal sealed class RequestIds(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext http)
    {
        var id = $"req_{Base62.Random(22)}";
        http.TraceIdentifier = id;
        var headers = http.Response.Headers;
        headers["request-id"] = id;
        headers["x-request-id"] = id;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        if (http.Request.Headers.TraceParent is [{ } parent] && ActivityContext.TryParse(parent, null, out _)) headers.TraceParent = parent;
        return next(http);
    }
}
