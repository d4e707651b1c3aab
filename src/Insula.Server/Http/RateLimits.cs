using System.Globalization;
using Insula.Server.Telemetry;
using Insula.Tenancy.Access;
using Insula.Tenancy.RateLimits;

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
            var decided = tenants.TakeAsync(tenant.Scope, classes, tenant.Limits, http.RequestAborted);
            return decided.IsCompletedSuccessfully ? GoOn(http, tenant, decided.Result) : AwaitedAsync(http, tenant, decided);
        }

        if (endpoint.Metadata.GetMetadata<AddressLimit>() is { } limit)
        {
            return GoOn(http, addresses.Take(http.Connection.RemoteIpAddress?.ToString() ?? "unknown", limit.PerMinute));
        }

        return next(http);
    }

    private async Task AwaitedAsync(HttpContext http, SignedInTenant tenant, ValueTask<RateDecision> decision) => await GoOn(http, tenant, await decision);

    private Task GoOn(HttpContext http, SignedInTenant tenant, RateDecision decision)
    {
        WriteFields(http, tenant.Scope, decision);
        if (http.IsVendorPath() && tenants.TokenStanding(tenant.Scope.Tenant, tenant.Limits) is { } tokens) WriteVendorFields(http, "tokens", tokens.Burst, tokens.Remaining, tokens.Reset);
        return GoOn(http, decision);
    }

    private Task GoOn(HttpContext http, RateDecision decision)
    {
        if (decision.Fault is not { } fault) return next(http);
        metrics.RateLimited(RateClassList.Name(decision.Class));
        return http.WriteFaultAsync(fault);
    }

    private void WriteFields(HttpContext http, TenantScope scope, RateDecision decision)
    {
        var headers = http.Response.Headers;
        var name = RateClassList.Name(decision.Class);
        var reset = Seconds(decision.Reset);
        // The policy's window is the time in which the whole burst comes back, so quota and window describe the rate exactly.
        var window = (long)SecondsPerMinute * decision.Burst / decision.PerMinute;
        var partition = PartitionKey(scope.OwnLimits.FirstOrDefault(own => own.Holder == decision.Holder)?.Name ?? scope.Tenant.ToString());
        headers["RateLimit-Policy"] = $"\"{name}\";q={decision.Burst};w={window};pk=:{partition}:";
        headers["RateLimit"] = $"\"{name}\";r={decision.Remaining};t={reset};pk=:{partition}:";
        if (http.IsVendorPath()) WriteVendorFields(http, "requests", decision.Burst, decision.Remaining, decision.Reset);
    }

    private void WriteVendorFields(HttpContext http, string what, long most, long left, TimeSpan reset)
    {
        var headers = http.Response.Headers;
        headers[$"anthropic-ratelimit-{what}-limit"] = most.ToString(CultureInfo.InvariantCulture);
        headers[$"anthropic-ratelimit-{what}-remaining"] = left.ToString(CultureInfo.InvariantCulture);
        headers[$"anthropic-ratelimit-{what}-reset"] = (time.GetUtcNow() + reset).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    /// <summary>The tenant, member or key that the quota belongs to, as the byte sequence that structured fields want.</summary>
    private static string PartitionKey(string holder) => Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(holder));

    private static long Seconds(TimeSpan span) => (long)Math.Ceiling(span.TotalSeconds);

    private static RateClasses ClassesOf(CallClass call) => call switch
    {
        CallClass.Requests => RateClasses.Requests,
        CallClass.Reads => RateClasses.Reads,
        CallClass.Learn => RateClasses.Requests | RateClasses.Learn,
        CallClass.Reason => RateClasses.Reads | RateClasses.Reason,
        _ => throw new ArgumentOutOfRangeException(nameof(call), call, "Not a class of calls."),
    };
}
