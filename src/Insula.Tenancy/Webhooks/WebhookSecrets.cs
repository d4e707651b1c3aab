using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Access;

namespace Insula.Tenancy.Webhooks;

/// <summary>
/// Secrets and signatures by Standard Webhooks. A secret follows from a pepper and the webhook's id, so it is shown when the
/// webhook is made, and stands in no store.
/// </summary>
public sealed class WebhookSecrets
{
    private readonly Peppers _peppers;

    internal WebhookSecrets(Peppers peppers) => _peppers = peppers;

    internal int CurrentVersion => _peppers.CurrentVersion;

    /// <summary>As users know it: <c>whsec_…</c>. Null when its pepper is gone: then it has to be made anew.</summary>
    public Secret? Of(Webhook webhook) => KeyOf(webhook) is { } key ? new Secret($"whsec_{Convert.ToBase64String(key)}") : null;

    /// <summary>The value of <c>webhook-signature</c>; null when the pepper is gone.</summary>
    public string? Sign(Webhook webhook, string id, DateTimeOffset at, string body)
    {
        if (KeyOf(webhook) is not { } key) return null;
        var signed = string.Create(CultureInfo.InvariantCulture, $"{id}.{at.ToUnixTimeSeconds()}.{body}");
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed)))}";
    }

    private byte[]? KeyOf(Webhook webhook) => _peppers.HashUnder(webhook.PepperVersion, $"webhook {webhook.Id}");
}
