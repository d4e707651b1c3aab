using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Members;

/// <summary>What a member may be called, and who may touch an owner.</summary>
internal static class MemberRules
{
    /// <summary>How often a change begins anew when others change the member meanwhile.</summary>
    public const int AttemptsMax = 10;

    private const int NameCharsMax = 100;
    private const int EmailCharsMax = 254;

    public static Result<string> Name(string? name) => VisibleText.Check("name", name, NameCharsMax);

    /// <summary>An address as it is kept: one that could be one, in lower case. Null for none.</summary>
    public static Result<string?> Email(string? email)
    {
        if (email is null) return (string?)null;
        if (VisibleText.Check("email", email, EmailCharsMax).Failed(out var fault, out var text)) return fault;

        var at = text.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && at < text.Length - 1 && at == text.LastIndexOf('@') && !text.Any(char.IsWhiteSpace)
            ? text.ToLowerInvariant()
            : Fault.Invalid("email", "email must be an address of the form name@domain, with one @.");
    }

    /// <summary>A member below owner makes no owner and changes none.</summary>
    /// <param name="touched">The roles that a member has before and after.</param>
    public static Fault? RefuseBelowOwner(TenantScope scope, params ReadOnlySpan<MemberRole> touched) =>
        IsBelowOwner(scope) && touched.Contains(MemberRole.Owner) ? MemberFaults.OwnerNeeded : null;

    /// <summary>
    /// Nor does it get to see a key with which it could: one of an owner, or one of nobody with the scope admin. Without this
    /// an admin would be an owner with one more call.
    /// </summary>
    public static Fault? RefuseKeyBelowOwner(TenantScope maker, Member? member, Permissions permissions) =>
        IsBelowOwner(maker) && (member?.Role == MemberRole.Owner || (member is null && permissions.HasFlag(Permissions.Admin))) ? MemberFaults.OwnerNeeded : null;

    private static bool IsBelowOwner(TenantScope scope) => scope.Member is { Role: not MemberRole.Owner };
}
