namespace Insula.Tenancy.RateLimits;

/// <summary>The rates that a call counts against; a call that counts against several is let in by all of them or by none.</summary>
[Flags]
public enum RateClasses
{
    None = 0,

    /// <summary>Calls that change something or start work.</summary>
    Requests = 1,

    /// <summary>All other calls.</summary>
    Reads = 2,

    /// <summary>Teaching knowledge.</summary>
    Learn = 4,

    /// <summary>Asking knowledge.</summary>
    Reason = 8,
}
