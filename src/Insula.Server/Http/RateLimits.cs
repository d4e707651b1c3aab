using System.Globalization;
using Insula.Server.Telemetry;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Http;

/// <summary>How many calls a minute one remote address may make to an endpoint that nobody signs in to.</summary>
internal sealed record AddressLimit(int PerMinute);

/// <summary>
/// Holds tenants to their rates and strangers to theirs, after the caller is known and before the endpoint runs. Operators
/// are not limited. Every answer to a tenant tells where it stands (RateLimit fields, draft 11); a refused call costs
/// nothing, so a client that waits as told gets in.
/// </summary>
internal sealed class RateLimits(RequestDelegate next, RateLimiter tenants, AddressLimiter addresses, HttpMetrics metrics, TimeProvider time)
{
    private const int SecondsPerMinute = 60;

    public Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint() is not RouteEndpoint endpoint) return next(http);
        if (http.Features.Get<SignedIn>() is SignedInTenant tenant)
        {
            var classes = ClassesOf(endpoint.Metadata.GetRequiredMetadata<CallerRule>().Class);
            var decision = tenants.Take(tenant.Scope.Tenant, classes, tenant.Limits);
            WriteFields(http, tenant.Scope.Tenant, decision);
            return GoOn(http, decision);
        }

        if (endpoint.Metadata.GetMetadata<AddressLimit>() is { } limit)
        {
            return GoOn(http, addresses.Take(http.Connection.RemoteIpAddress?.ToString() ?? "unknown", limit.PerMinute));
        }

        return next(http);
    }

    private Task GoOn(HttpContext http, RateDecision decision)
    {
        if (decision.Fault is not { } fault) return next(http);
        metrics.RateLimited(NameOf(decision.Class));
        return http.WriteFaultAsync(fault);
    }

    private void WriteFields(HttpContext http, Id<Tenant> tenant, RateDecision decision)
    {
        var headers = http.Response.Headers;
        var name = NameOf(decision.Class);
        var reset = Seconds(decision.Reset);
        // The policy's window is the time in which the whole burst comes back, so quota and window describe the rate exactly.
        var window = (long)SecondsPerMinute * decision.Burst / decision.PerMinute;
        headers["RateLimit-Policy"] = $"\"{name}\";q={decision.Burst};w={window};pk=:{PartitionKey(tenant)}:";
        headers["RateLimit"] = $"\"{name}\";r={decision.Remaining};t={reset};pk=:{PartitionKey(tenant)}:";
        if (!http.IsVendorPath()) return;

        headers["anthropic-ratelimit-requests-limit"] = decision.Burst.ToString(CultureInfo.InvariantCulture);
        headers["anthropic-ratelimit-requests-remaining"] = decision.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["anthropic-ratelimit-requests-reset"] = (time.GetUtcNow() + decision.Reset).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    /// <summary>The tenant that the quota belongs to, as the byte sequence that structured fields want.</summary>
    private static string PartitionKey(Id<Tenant> tenant) => Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(tenant.ToString()));

    private static long Seconds(TimeSpan span) => (long)Math.Ceiling(span.TotalSeconds);

    private static RateClasses ClassesOf(CallClass call) => call switch
    {
        CallClass.Requests => RateClasses.Requests,
        CallClass.Reads => RateClasses.Reads,
        CallClass.Learn => RateClasses.Requests | RateClasses.Learn,
        CallClass.Reason => RateClasses.Reads | RateClasses.Reason,
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, "Not a class of calls."),
    };

    private static string NameOf(RateClasses one) => one switch
    {
        RateClasses.Requests => "requests",
        RateClasses.Reads => "reads",
        RateClasses.Learn => "learn",
        RateClasses.Reason => "reason",
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "A decision speaks of one class."),
    };
}
