namespace Insula.Tenancy.Access;

/// <summary>What a key or a member may do inside its tenant. Scopes on the wire are the lower-case names.</summary>
[Flags]
public enum Permissions
{
    None = 0,

    /// <summary>Look at anything of the tenant and ask its knowledge.</summary>
    Read = 1,

    /// <summary>Change agents, environments, sessions and knowledge; start work.</summary>
    Write = 2,

    /// <summary>Keys and settings of the tenant.</summary>
    Admin = 4,

    All = Read | Write | Admin,
}
