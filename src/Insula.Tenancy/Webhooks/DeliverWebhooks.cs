using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Posting;
using Insula.Tenancy.Time;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Webhooks;

/// <summary>
/// Sends what is on its way, by Standard Webhooks. One node at a time sends a delivery; one that crashes while it sends has it
/// sent again under the same id, by which the receiver knows it. An address that fails for days is disabled.
/// </summary>
public sealed class DeliverWebhooks : IDisposable
{
    private const int AtOnce = 8;
    private const int ListMax = 64;

    /// <summary>After so long without a single success a webhook is disabled.</summary>
    internal static readonly TimeSpan FailingMax = TimeSpan.FromDays(3);

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HouseworkPeriod = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(15);

    /// <summary>For so long a delivery is left to the node that took it.</summary>
    public static readonly TimeSpan AttemptMax = SendLimit * 2;

    private static readonly TimeSpan Kept = TimeSpan.FromDays(40);

    /// <summary>The pauses between attempts; after the last it stays.</summary>
    private static readonly TimeSpan[] Pauses =
        [TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(6), TimeSpan.FromHours(12)];

    private readonly IWebhookStore _store;
    private readonly WebhookSecrets _secrets;
    private readonly AnnounceStatements _statements;
    private readonly TimeProvider _time;
    private readonly ILogger<DeliverWebhooks> _log;
    private readonly HttpClient _http;
    private readonly Counter<long> _sent;
    private (long Waiting, DateTimeOffset? Oldest) _waiting;

    internal DeliverWebhooks(
        IWebhookStore store, WebhookSecrets secrets, WebhookAddress addresses, AnnounceStatements statements, IMeterFactory meters, TimeProvider time, ILogger<DeliverWebhooks> log)
    {
        _store = store;
        _secrets = secrets;
        _statements = statements;
        _time = time;
        _log = log;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = (context, ct) => addresses.ConnectAsync(context.DnsEndPoint, ct),
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        });
        _http.Timeout = SendLimit;
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("insula-webhooks");
        var meter = meters.Create("Insula.Webhooks");
        _sent = meter.CreateCounter<long>("insula_webhook_attempts_total", description: "Attempts to deliver an event to a webhook, by outcome.");
        meter.CreateObservableGauge("insula_webhook_waiting", () => _waiting.Waiting, description: "Events on their way to webhooks, on all nodes.");
        meter.CreateObservableGauge("insula_webhook_waiting_age_seconds", () => _waiting.Oldest is { } oldest ? Math.Max(0, (_time.GetUtcNow() - oldest).TotalSeconds) : 0, "s", "How long the oldest of these is on its way.");
    }

    /// <summary>Delivers until the token ends.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        long? housework = null;
        await Watch.RunAsync(
            _time,
            Period,
            async ct =>
            {
                if (housework is null || _time.GetElapsedTime(housework.Value) > HouseworkPeriod)
                {
                    await _statements.RunAsync(ct);
                    await _store.ForgetAsync(_time.GetUtcNow() - Kept, ct);
                    housework = _time.GetTimestamp();
                }

                _waiting = await _store.CountAsync(ct);
                return _waiting.Waiting > 0 && await DeliverDueAsync(ct);
            },
            (error, first) =>
            {
                if (first) WebhookLog.WatchFailed(_log, error);
            },
            stopping);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>One look; whether there may be more.</summary>
    internal async Task<bool> DeliverDueAsync(CancellationToken ct)
    {
        var due = await _store.ListDueAsync(_time.GetUtcNow(), ListMax, ct);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (delivery, cancel) => await DeliverAsync(delivery, cancel));
        return due.Count == ListMax;
    }

    private async Task DeliverAsync(Delivery delivery, CancellationToken ct)
    {
        if (!await _store.TryTakeAsync(delivery, _time.GetUtcNow() + AttemptMax, ct)) return;
        var why = await SendAsync(delivery, ct);
        var now = _time.NowInMicroseconds();
        if (why is null)
        {
            _sent.Add(1, new KeyValuePair<string, object?>("outcome", "delivered"));
            await _store.ArrivedAsync(delivery, now, ct);
            return;
        }

        _sent.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
        WebhookLog.Failed(_log, delivery.Webhook.Id, why);
        var givenUp = delivery.Webhook.FailingSince is { } since && now - since >= FailingMax;
        await _store.FailedAsync(delivery, now, givenUp ? null : now + (Pauses[Math.Min(delivery.Attempts, Pauses.Length - 1)] * (0.9 + (Random.Shared.NextDouble() / 5))), why, ct);
    }

    /// <summary>Null when it arrived, else why not, in words that hold nothing of the answer.</summary>
    private async Task<string?> SendAsync(Delivery delivery, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        if (_secrets.Sign(delivery.Webhook, delivery.Id, now, delivery.Body) is not { } signature) return "The pepper of its secret is gone.";
        using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Webhook.Url);
        request.Content = new StringContent(delivery.Body, Encoding.UTF8, "application/json");
        request.Headers.Add("webhook-id", delivery.Id);
        request.Headers.Add("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", signature);
        return await Post.TryAsync(_http, request, ct);
    }
}
