using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Members;

/// <summary>
/// A person in a tenant: whom keys are made for, and whose use is counted. Nobody signs in as one yet. The line of a
/// removed member stays, because usage and the audit trail name it.
/// </summary>
/// <param name="Email">In lower case; unique among the tenant's members that are not removed.</param>
public sealed record Member(
    Id<Member> Id,
    Id<Tenant> Tenant,
    string Name,
    string? Email,
    MemberRole Role,
    DateTimeOffset CreatedAt,
    DateTimeOffset? RemovedAt) : IIdentified
{
    public static string IdPrefix => "mbr";

    /// <summary>Rates of all the member's keys together, below the tenant's; null for none.</summary>
    public CallerLimits? Limits { get; init; }
}
