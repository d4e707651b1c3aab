using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>Who acts inside a tenant: a key, or a task of the system under its name.</summary>
/// <param name="Kind"><c>key</c> or <c>system</c>.</param>
/// <param name="Name">The key's id, or the task's name.</param>
public sealed record Principal(string Kind, string Name)
{
    public override string ToString() => $"{Kind}:{Name}";

    internal const string KeyKind = "key";

    internal static Principal Of(Id<ApiKey> key) => new(KeyKind, key.ToString());
}

/// <summary>
/// Proves that this code may act for <see cref="Tenant"/> as <see cref="Principal"/>. Only authentication and
/// <see cref="SystemTask"/> make one. A tenant's store opens with a scope and nothing else, and no store method takes a
/// tenant id, so code that has no scope cannot reach a tenant's data.
/// </summary>
public sealed class TenantScope
{
    internal TenantScope(Id<Tenant> tenant, Principal principal, Permissions permissions)
    {
        Tenant = tenant;
        Principal = principal;
        Permissions = permissions;
    }

    public Id<Tenant> Tenant { get; }

    public Principal Principal { get; }

    public Permissions Permissions { get; }

    /// <summary>Rates below the tenant's of who acts: of the member whose key it is, then of the key. None for a task of the system.</summary>
    public IReadOnlyList<OwnLimits> OwnLimits { get; internal init; } = [];

    /// <summary>Whose key acts, seconds old at most; null for a key of nobody, as for every task of the system.</summary>
    public Member? Member { get; internal init; }

    public bool Allows(Permissions needed) => (Permissions & needed) == needed;

    /// <summary>The refusal for a principal that lacks a right, or null when it has all that is needed.</summary>
    public Fault? Lacks(Permissions needed) => Allows(needed)
        ? null
        : Fault.Forbidden(
            "missing_scope",
            $"This needs the scope {string.Join(" and ", PermissionNames.Of(needed & ~Permissions))}, which this key does not have{(Member is { Role: var role } ? $" while its member is {MemberRoles.NameOf(role)}" : "")}. Ask an administrator of the tenant for a key that has it.");
}

/// <summary>
/// The tasks that the platform does inside a tenant without a caller. Each has a name that stands in the audit record
/// as the principal; adding one is a decision, not a convenience.
/// </summary>
public sealed class SystemTask
{
    private readonly Permissions _permissions;

    private SystemTask(string name, Permissions permissions)
    {
        Name = name;
        _permissions = permissions;
    }

    /// <summary>Carries on a session's run from its log: the input was authorised when it was appended.</summary>
    public static SystemTask Run { get; } = new("run", Permissions.Read | Permissions.Write);

    /// <summary>Prepares a tenant that was just created: its first agent and environment.</summary>
    public static SystemTask Provision { get; } = new("provision", Permissions.Read | Permissions.Write);

    /// <summary>Fires a schedule: what it does was authorised when the schedule was made.</summary>
    public static SystemTask Schedule { get; } = new("schedule", Permissions.Read | Permissions.Write);

    /// <summary>Brings what the tenant used into the ledger.</summary>
    public static SystemTask Meter { get; } = new("meter", Permissions.Read | Permissions.Write);

    /// <summary>Counts for the operator how much a tenant has of what its quotas limit.</summary>
    public static SystemTask Limits { get; } = new("limits", Permissions.Read);

    /// <summary>Gives the command line on this machine a key of the demo tenant for as long as the server runs. It may hand on every right.</summary>
    public static SystemTask LocalKey { get; } = new("local_key", Permissions.All);

    public string Name { get; }

    public TenantScope For(Id<Tenant> tenant) => new(tenant, new Principal("system", Name), _permissions);
}

/// <summary>
/// Proves that the caller is an operator of the installation. It is never a <see cref="TenantScope"/>: the platform's
/// rights and a tenant's share no type and no string.
/// </summary>
public sealed class OperatorScope
{
    internal OperatorScope(string name) => Principal = new Principal("operator", name);

    public Principal Principal { get; }

    /// <summary>The operator handing out or ending a tenant's keys, under the operator's own name; it opens no data.</summary>
    internal TenantScope OnKeysOf(Id<Tenant> tenant) => new(tenant, Principal, Permissions.All);
}
