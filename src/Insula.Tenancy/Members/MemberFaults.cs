using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Members;

/// <summary>Refusals around members that more than one place makes.</summary>
public static class MemberFaults
{
    /// <summary>A key is to be made for a member that is missing, removed or another tenant's; nobody can tell which.</summary>
    public static Fault Unknown { get; } = Fault.NotFound("member") with { Field = "member" };

    public static Fault EmailTaken { get; } =
        Fault.Conflict("email_taken", "A member of this tenant has this email already. Change that one, or remove it first.") with { Field = "email" };

    internal static Fault OwnerNeeded { get; } = Fault.Forbidden(
        "owner_needed",
        "Only an owner's key, or a key with the scope admin that is no member's, may make, change or remove an owner, or make a key that could. Ask an owner of this tenant.");

    internal static Fault Removed { get; } = Fault.Conflict("member_removed", "This member is removed and cannot be changed. Add the person anew.");

    internal static Fault Busy { get; } = Fault.Conflict("member_busy", "The member is being changed by several callers at once. Read it again and repeat the change.");
}
