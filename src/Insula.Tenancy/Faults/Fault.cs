namespace Insula.Tenancy.Faults;

/// <summary>What kind of refusal this is; the protocols map each kind to one status and one vendor error type.</summary>
public enum FaultKind
{
    /// <summary>The input breaks a rule that the caller can mend.</summary>
    Invalid,

    /// <summary>Nobody is signed in: no key, or one that is not in force.</summary>
    Unauthenticated,

    /// <summary>The caller is known and lacks the right.</summary>
    Forbidden,

    /// <summary>Missing, or another tenant's: the two are never told apart.</summary>
    NotFound,

    /// <summary>The state of the object forbids it now.</summary>
    Conflict,

    /// <summary>A quota or size limit is reached; waiting does not help.</summary>
    OverLimit,

    /// <summary>A budget is used up; waiting does not help before it begins anew or is raised.</summary>
    OutOfBudget,

    /// <summary>Too fast; succeeds after <see cref="Fault.RetryAfter"/>.</summary>
    Throttled,

    /// <summary>The body is larger than the route takes.</summary>
    TooLarge,

    /// <summary>A part we depend on is away or a file cannot be used; the caller did nothing wrong.</summary>
    Unavailable,
}

/// <summary>
/// An expected failure. <see cref="Message"/> is for the caller: what happened, which limit, what to do.
/// <see cref="Internal"/> is for the log only; no protocol writes it.
/// </summary>
/// <param name="Kind">Decides status and vendor error type.</param>
/// <param name="Code">Stable snake_case name, listed in docs/reference/errors.md.</param>
/// <param name="Message">A sentence for the caller.</param>
public sealed record Fault(FaultKind Kind, string Code, string Message)
{
    /// <summary>The input field at fault, in wire spelling (<c>limits.storage_bytes</c>).</summary>
    public string? Field { get; init; }

    /// <summary>How long to wait before a retry can succeed.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Detail for the log; it has no path to a response.</summary>
    public string? Internal { get; init; }

    public static Fault Invalid(string field, string message, string code = "invalid_field") =>
        new(FaultKind.Invalid, code, message) { Field = field };

    /// <summary>One text for every missing or foreign object of a kind, so that the two are byte-equal.</summary>
    public static Fault NotFound(string what) => new(FaultKind.NotFound, $"{what.Replace(' ', '_')}_not_found", $"There is no such {what}.");

    public static Fault Conflict(string code, string message) => new(FaultKind.Conflict, code, message);

    public static Fault Forbidden(string code, string message) => new(FaultKind.Forbidden, code, message);

    public static Fault OverLimit(string code, string message) => new(FaultKind.OverLimit, code, message);

    public static Fault OutOfBudget(string code, string message) => new(FaultKind.OutOfBudget, code, message);

    public static Fault Unavailable(string code, string message, string? detail = null) =>
        new(FaultKind.Unavailable, code, message) { Internal = detail, RetryAfter = TimeSpan.FromSeconds(1) };
}

/// <summary>A <see cref="Fault"/> thrown where a value cannot carry it: from inside a store or an enumeration.</summary>
public sealed class FaultException(Fault fault, Exception? inner = null) : Exception(fault.Message, inner)
{
    public Fault Fault { get; } = fault;
}
