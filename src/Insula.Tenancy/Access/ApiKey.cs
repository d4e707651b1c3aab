using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// A key as it is stored: never its text, only a keyed hash of it. <see cref="Handle"/> is the random, indexed middle
/// part of the key's text by which the row is found; the tenant comes from the row, never from the text.
/// </summary>
/// <param name="Handle">12 base-62 digits; unique over the installation.</param>
/// <param name="Hash">HMAC-SHA256 over the whole key text under the pepper of <paramref name="PepperVersion"/>.</param>
/// <param name="RotatedTo">The key that replaces this one; this one stays in force until <paramref name="ExpiresAt"/>.</param>
public sealed record ApiKey(
    Id<ApiKey> Id,
    Id<Tenant> Tenant,
    string Name,
    string Handle,
    byte[] Hash,
    int PepperVersion,
    Permissions Permissions,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt,
    DateTimeOffset? LastUsedAt,
    Id<ApiKey>? RotatedTo) : IIdentified
{
    public static string IdPrefix => "key";

    /// <summary>Rates of this key below its tenant's; null for none.</summary>
    public CallerLimits? Limits { get; init; }

    /// <summary>Whose key it is, for good; null for nobody's.</summary>
    public Id<Member>? Member { get; init; }
}
