using Insula.Tenancy.Access;

namespace Insula.Tenancy.Members;

/// <summary>What a member is in the tenant. It bounds what the member's keys may do, whatever scopes they were given.</summary>
public enum MemberRole
{
    /// <summary>Looks.</summary>
    Viewer,

    /// <summary>Works.</summary>
    Member,

    /// <summary>Works, and manages keys, settings and members below owner.</summary>
    Admin,

    /// <summary>May everything, and alone makes and changes owners.</summary>
    Owner,
}

/// <summary>The wire's spelling of <see cref="MemberRole"/>, and what each role allows.</summary>
public static class MemberRoles
{
    /// <summary>From the strongest to the weakest.</summary>
    public static IReadOnlyList<string> Names { get; } = ["owner", "admin", "member", "viewer"];

    /// <summary>The most that a key of such a member may do.</summary>
    public static Permissions Allowed(this MemberRole role) => role switch
    {
        MemberRole.Viewer => Permissions.Read,
        MemberRole.Member => Permissions.Read | Permissions.Write,
        MemberRole.Admin or MemberRole.Owner => Permissions.All,
        _ => Permissions.None,
    };

    public static string NameOf(MemberRole role) => Names[MemberRole.Owner - role];

    /// <summary>The role of a name, or null.</summary>
    public static MemberRole? Find(string? name)
    {
        for (var i = 0; i < Names.Count; i++)
        {
            if (string.Equals(Names[i], name, StringComparison.Ordinal)) return MemberRole.Owner - i;
        }

        return null;
    }
}
