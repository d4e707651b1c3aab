using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Insula.Server.Tests.Usage;

/// <summary>What a receiver does with a delivery, by the text of the Standard Webhooks specification and by nothing of ours.</summary>
internal static class SignedMessage
{
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>The body of a message whose signature holds; fails when it does not, or when the message is old.</summary>
    public static JsonElement Open(ReceivedRequest request, string secret, DateTimeOffset now)
    {
        var (id, timestamp) = (request.Headers["webhook-id"], request.Headers["webhook-timestamp"]);
        var sent = DateTimeOffset.FromUnixTimeSeconds(long.Parse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture));
        Assert.InRange(sent, now - Tolerance, now + Tolerance);

        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        Assert.InRange(key.Length, 24, 64);
        var expected = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{timestamp}.{request.Body}"));
        Assert.Contains(
            request.Headers["webhook-signature"].Split(' '),
            signature => signature.Split(',', 2) is ["v1", var value] && CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(value), expected));

        Assert.StartsWith("application/json", request.Headers["content-type"], StringComparison.Ordinal);
        return JsonElement.Parse(request.Body);
    }
}
