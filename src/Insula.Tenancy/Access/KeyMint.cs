using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Access;

/// <summary>A new key with its text, which exists only here: the store has a hash of it.</summary>
public sealed record CreatedApiKey(ApiKey Key, Secret Secret);

/// <summary>What a key is to be.</summary>
/// <param name="Name">1 to 100 characters, for people.</param>
/// <param name="Scopes">Names of <see cref="Permissions"/>; null gives read and write, as far as the member's role allows them.</param>
/// <param name="ExpiresAt">In the future; null for a key that lasts until it is revoked.</param>
/// <param name="Limits">Rates below the tenant's; null for none.</param>
/// <param name="Member">Whose key it is; null for nobody's.</param>
public sealed record ApiKeyRequest(string? Name, IReadOnlyList<string>? Scopes = null, DateTimeOffset? ExpiresAt = null, CallerLimits? Limits = null, Id<Member>? Member = null);

/// <summary>Makes keys, and is the one place that checks what a new key may be.</summary>
public sealed class KeyMint
{
    internal const string OwnerKeyName = "owner";
    private const int NameCharsMax = 100;

    private readonly Peppers _peppers;
    private readonly TimeProvider _time;

    internal KeyMint(Peppers peppers, TimeProvider time)
    {
        _peppers = peppers;
        _time = time;
    }

    /// <summary>A key as asked for, with no more rights than its maker has and than the role of <paramref name="member"/> allows.</summary>
    internal Result<CreatedApiKey> Make(TenantScope maker, ApiKeyRequest request, Member? member)
    {
        if (VisibleText.Check("name", request.Name, NameCharsMax).Failed(out var fault, out var name)) return fault;

        var allowed = member?.Role.Allowed() ?? Permissions.All;
        var permissions = (Permissions.Read | Permissions.Write) & allowed;
        if (request.Scopes is { } scopes && PermissionNames.Parse("scopes", scopes).Failed(out fault, out permissions)) return fault;
        if (member is not null && (permissions & ~allowed) != Permissions.None) return ExceedsRole(member.Role, permissions);
        if (!maker.Allows(permissions)) return Exceeds(maker, permissions);
        if (MemberRules.RefuseKeyBelowOwner(maker, member, permissions) is { } refusal) return refusal;
        if (CallerLimits.Check(request.Limits).Failed(out fault, out var limits) && fault is not null) return fault;

        return request.ExpiresAt <= _time.GetUtcNow()
            ? Fault.Invalid("expires_at", "expires_at must be in the future.")
            : Mint(maker.Tenant, name, permissions, request.ExpiresAt, limits, member?.Id);
    }

    /// <summary>The first key of a tenant, with every right.</summary>
    internal CreatedApiKey MakeOwner(Id<Tenant> tenant) => Mint(tenant, OwnerKeyName, Permissions.All, null);

    /// <summary>A key in every way like <paramref name="old"/>, but for its text.</summary>
    /// <param name="member">Whose key it is.</param>
    internal Result<CreatedApiKey> MakeSuccessor(TenantScope maker, ApiKey old, Member? member)
    {
        if (!maker.Allows(old.Permissions)) return Exceeds(maker, old.Permissions);
        if (MemberRules.RefuseKeyBelowOwner(maker, member, old.Permissions) is { } refusal) return refusal;

        return Mint(old.Tenant, old.Name, old.Permissions, old.ExpiresAt, old.Limits, old.Member);
    }

    private CreatedApiKey Mint(Id<Tenant> tenant, string name, Permissions permissions, DateTimeOffset? expiresAt, CallerLimits? limits = null, Id<Member>? member = null)
    {
        var text = KeyText.New(KeyKind.Tenant);
        var key = new ApiKey(
            Id<ApiKey>.New(), tenant, name, text.Handle, _peppers.Hash(text.Text.Reveal()), _peppers.CurrentVersion, permissions, _time.NowInMicroseconds(), expiresAt?.InMicroseconds(), null, null, null)
        {
            Limits = limits,
            Member = member,
        };
        return new(key, text.Text);
    }

    private static Fault ExceedsRole(MemberRole role, Permissions wanted) => Fault.Invalid(
        "scopes",
        $"This member is {MemberRoles.NameOf(role)}, whose keys may have the scopes {string.Join(" and ", PermissionNames.Of(role.Allowed()))}, and not {string.Join(" and ", PermissionNames.Of(wanted & ~role.Allowed()))}. Ask for those, or change the member's role first.",
        "role_lacks_scope");

    private static Fault Exceeds(TenantScope maker, Permissions wanted) => Fault.Forbidden(
        "scope_not_held",
        $"A key can give only scopes that it has; yours lacks {string.Join(" and ", PermissionNames.Of(wanted & ~maker.Permissions))}.");
}
