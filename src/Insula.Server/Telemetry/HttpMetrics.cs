using System.Collections.Frozen;
using System.Diagnostics.Metrics;

namespace Insula.Server.Telemetry;

/// <summary>
/// The HTTP edge's instruments. Labels come from closed sets (route patterns, known methods, statuses), never from what a
/// client sends, and none names a tenant: a metrics page must not be a list of customers.
/// </summary>
internal sealed class HttpMetrics
{
    public const string MeterName = "Insula.Http";

    private static readonly FrozenSet<string> KnownMethods = FrozenSet.Create("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS");

    private readonly Histogram<double> _duration;
    private readonly Counter<long> _authenticationFailures;
    private readonly Counter<long> _rateLimited;

    public HttpMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _duration = meter.CreateHistogram<double>("insula_http_request_duration_seconds", "s", "Requests by method, route and status, from the first byte of the head to the last of the answer.");
        _authenticationFailures = meter.CreateCounter<long>("insula_authentication_failures_total", description: "Requests refused before their endpoint, by error code.");
        _rateLimited = meter.CreateCounter<long>("insula_rate_limited_total", description: "Requests refused by a rate limit, by class.");
    }

    public void Answered(HttpContext http, TimeSpan took)
    {
        var method = KnownMethods.Contains(http.Request.Method) ? http.Request.Method : "OTHER";
        var route = http.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { Length: > 1 } pattern } ? pattern.TrimEnd('/') : http.GetEndpoint() is RouteEndpoint ? "/" : "unmatched";
        // 499 stands for a client that left before its answer.
        var status = http.RequestAborted.IsCancellationRequested && !http.Response.HasStarted ? 499 : http.Response.StatusCode;
        _duration.Record(took.TotalSeconds, new("method", method), new("route", route), new KeyValuePair<string, object?>("status", status));
    }

    public void AuthenticationFailed(string code) => _authenticationFailures.Add(1, new KeyValuePair<string, object?>("code", code));

    public void RateLimited(string limit) => _rateLimited.Add(1, new KeyValuePair<string, object?>("class", limit));
}

/// <summary>Measures every request that reaches the pipeline.</summary>
internal sealed class RequestTimer(RequestDelegate next, HttpMetrics metrics, TimeProvider time)
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
            metrics.Answered(http, time.GetElapsedTime(start));
        }
    }
}
