using Insula.Tenancy.Identity;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Http;

/// <summary>Whose request it is, once a key has said so; whether it is let in is another question.</summary>
internal sealed record CountedTenant(Id<Tenant> Id);

/// <summary>Counts each request of a tenant, refused ones too, once it is answered.</summary>
internal sealed class TrafficCount(RequestDelegate next, Traffic traffic, TimeProvider time)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var start = time.GetTimestamp();
        try
        {
            await next(http);
        }
        finally
        {
            if (http.Features.Get<CountedTenant>() is { } tenant)
            {
                var denied = http.Response.StatusCode is StatusCodes.Status402PaymentRequired or StatusCodes.Status403Forbidden or StatusCodes.Status429TooManyRequests;
                var streamed = http.Response.ContentType?.StartsWith("text/event-stream", StringComparison.Ordinal) == true;
                traffic.Count(tenant.Id, denied, streamed ? null : time.GetElapsedTime(start));
            }
        }
    }
}
