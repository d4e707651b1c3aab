using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Webhooks;

/// <summary>What webhooks say in the log; event ids 3250 to 3269. Never an address or a body: they are the tenant's.</summary>
internal static partial class WebhookLog
{
    [LoggerMessage(3250, LogLevel.Warning, "What is on its way to webhooks cannot be seen; this node tries again until it can.")]
    public static partial void WatchFailed(ILogger log, Exception error);

    [LoggerMessage(3251, LogLevel.Debug, "A delivery to webhook {Webhook} failed: {Why}")]
    public static partial void Failed(ILogger log, Id<Webhook> webhook, string why);
}
