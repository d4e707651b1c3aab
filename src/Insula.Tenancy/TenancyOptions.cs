using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy;

/// <summary>Settings of the tenancy slice; checked by <see cref="StartTenancy"/>.</summary>
public sealed record TenancyOptions
{
    /// <summary>The data folder: <c>keys/pepper</c> is in it, and <c>plans.yaml</c> may be.</summary>
    public required string DataFolder { get; init; }

    /// <summary>A file of plans to use instead of the data folder's; it must exist. Null: the data folder's, if any.</summary>
    public string? PlansFile { get; init; }

    /// <summary>Whether strangers may make a tenant for themselves.</summary>
    public bool SignupOpen { get; init; }

    /// <summary>
    /// The operator key to use instead of one made on first start, 24 to 512 characters. It is kept as a keyed hash in
    /// memory only, and while it is set no other operator key is in force.
    /// </summary>
    public Secret? OperatorKey { get; init; }

    internal string PepperPath => Path.Combine(DataFolder, "keys", "pepper");

    internal string DefaultPlansPath => Path.Combine(DataFolder, "plans.yaml");

    internal Fault? Check() => OperatorKey?.Reveal().Length is < OperatorKeys.GivenCharsMin or > Peppers.TextCharsMax
        ? Fault.Invalid("operator_key", $"The operator key must have {OperatorKeys.GivenCharsMin} to {Peppers.TextCharsMax} characters. Give a longer one, or none to have one made.")
        : null;
}
