using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.TestKit;

public static class SessionStores
{
    /// <summary>Appends this input unless <paramref name="check"/> refuses.</summary>
    public static Task<Result<IReadOnlyList<SessionEvent>>?> AppendInputAsync(
        this ISessionStore sessions, Id<Session> id, IReadOnlyList<NewEvent> input, Func<Session, Fault?> check, DateTimeOffset at, CancellationToken ct) =>
        sessions.AppendInputAsync(id, session => check(session) is { } fault ? fault : Result.Of(input), at, ct);
}
