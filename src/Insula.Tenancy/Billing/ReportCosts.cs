using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Headers;
using Insula.Tenancy.Access;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Posting;
using Insula.Tenancy.Time;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Billing;

public sealed record BillingOptions
{
    /// <summary>Null: nothing is reported.</summary>
    public Secret? StripeKey { get; init; }

    public Uri StripeUrl { get; init; } = new("https://api.stripe.com");

    /// <summary>The meter's <c>event_name</c> at Stripe.</summary>
    public string StripeMeter { get; init; } = "insula_micros";
}

/// <summary>
/// Reports costs to Stripe as meter events, about every hour. An event has one identifier at every attempt, by which Stripe
/// leaves out a second one for a day; so an event whose first attempt is nearly that old is not sent any more, since nobody
/// could tell whether it would count twice. It stays, and the metric for it asks for a person.
/// </summary>
public sealed class ReportCosts : IDisposable
{
    private const int ListMax = 100;

    /// <summary>Below the 24 hours for which Stripe knows an identifier.</summary>
    internal static readonly TimeSpan TryFor = TimeSpan.FromHours(20);

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromHours(1);
    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(30);

    private readonly BillingOptions _options;
    private readonly IBillingStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger<ReportCosts> _log;
    private readonly HttpClient _http;
    private readonly Counter<long> _attempts;
    private (long Waiting, long Stuck) _count;

    internal ReportCosts(BillingOptions options, IBillingStore store, IMeterFactory meters, TimeProvider time, ILogger<ReportCosts> log)
    {
        _options = options;
        _store = store;
        _time = time;
        _log = log;
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) });
        _http.Timeout = SendLimit;
        if (options.StripeKey is { } key) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Reveal());
        var meter = meters.Create("Insula.Billing");
        _attempts = meter.CreateCounter<long>("insula_meter_event_attempts_total", description: "Attempts to report costs to the billing provider, by outcome.");
        meter.CreateObservableGauge("insula_meter_events_waiting", () => _count.Waiting, description: "Reports of costs on their way to the billing provider, on all nodes.");
        meter.CreateObservableGauge("insula_meter_events_stuck", () => _count.Stuck, description: "Of these, such as are not tried any more, since a late attempt might count twice: a person has to look.");
    }

    /// <summary>Reports until the token ends.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (_options.StripeKey is null) return;
        long? reported = null;
        await Watch.RunAsync(
            _time,
            Period,
            async ct =>
            {
                if (reported is null || _time.GetElapsedTime(reported.Value) >= ReportPeriod)
                {
                    await _store.ReportAsync(_time.NowInMicroseconds(), ct);
                    reported = _time.GetTimestamp();
                }

                await SendDueAsync(ct);
                return false;
            },
            (error, first) =>
            {
                if (first) BillingLog.Failed(_log, error);
            },
            stopping);
    }

    public void Dispose() => _http.Dispose();

    internal async Task SendDueAsync(CancellationToken ct)
    {
        var now = _time.NowInMicroseconds();
        foreach (var report in await _store.ListDueAsync(now, now - TryFor, ListMax, ct))
        {
            if (!await _store.TryTakeAsync(report, now, now + (SendLimit * 2), ct)) continue;
            var why = await SendAsync(report, ct);
            _attempts.Add(1, new KeyValuePair<string, object?>("outcome", why is null ? "sent" : "failed"));
            now = _time.NowInMicroseconds();
            if (why is null) await _store.SentAsync(report, now, ct);
            else await _store.FailedAsync(report, now + Backoff.PauseAfter(report.Attempts + 4, PauseMax), why, ct);
        }

        _count = await _store.CountAsync(now - TryFor, ct);
    }

    /// <summary>Null when Stripe has it, else why not.</summary>
    private async Task<string?> SendAsync(MeterEvent report, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_options.StripeUrl.AbsoluteUri.TrimEnd('/')}/v1/billing/meter_events");
        request.Headers.Add("Idempotency-Key", report.Id);
        request.Content = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["event_name"] = _options.StripeMeter,
            ["identifier"] = report.Id,
            ["timestamp"] = report.At.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            ["payload[stripe_customer_id]"] = report.Customer,
            ["payload[value]"] = report.Value.ToString(CultureInfo.InvariantCulture),
        });
        return await Post.TryAsync(_http, request, ct);
    }
}

/// <summary>What billing says in the log; event ids 3270 to 3279.</summary>
internal static partial class BillingLog
{
    [LoggerMessage(3270, LogLevel.Warning, "Costs could not be reported to the billing provider; they stay and are tried again.")]
    public static partial void Failed(ILogger log, Exception error);
}
