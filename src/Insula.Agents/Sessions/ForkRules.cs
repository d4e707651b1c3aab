using System.Globalization;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Sessions;

/// <summary>What forks are refused, and what is refused because of them.</summary>
public static class ForkRules
{
    /// <summary>
    /// A session is not removed under its forks. Keeping its events for them in secret would be worse: who deletes a
    /// conversation must be able to count on it being gone.
    /// </summary>
    public static Fault ReadFrom(long forks) => Fault.Conflict(
        "session_has_forks",
        string.Create(CultureInfo.InvariantCulture, $"The session has {forks} fork{(forks == 1 ? "" : "s")} whose log begins with this session's events, so it cannot be deleted. Delete the forks first (their forked_from names this session), or archive this session."));

    internal static Fault? PointViolation(long at, long lastSeq)
    {
        if (at < 0) return Fault.Invalid("at", "at must be the number of an event, or 0 to begin before the first.");
        return at > lastSeq
            ? Fault.Invalid("at", string.Create(CultureInfo.InvariantCulture, $"at is {at}, but the session's newest event is {lastSeq}. Give a number from 0 to {lastSeq}; GET /api/v1/sessions/{{id}}/checkpoints lists those worth returning to."))
            : null;
    }
}
