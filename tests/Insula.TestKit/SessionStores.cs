using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.TestKit;

public static class SessionStores
{
    /// <summary>Adds a session whatever the tenant has.</summary>
    public static async Task<IReadOnlyList<SessionEvent>> AddAsync(this ISessionStore sessions, Session session, IReadOnlyList<NewEvent> initial, CancellationToken ct) =>
        (await sessions.AddAsync(session, initial, long.MaxValue, ct)).Value;

    /// <summary>Adds a fork whatever the tenant has.</summary>
    public static Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> ForkAsync(
        this ISessionStore sessions, Id<Session> origin, Func<Session, Result<SessionUpdate>> fork, CancellationToken ct) => sessions.ForkAsync(origin, fork, long.MaxValue, ct);

    /// <summary>Adds an agent whatever the tenant has.</summary>
    public static async Task AddAsync(this IAgentStore agents, Agent agent, CancellationToken ct) => _ = (await agents.AddAsync(agent, int.MaxValue, ct)).Value;

    /// <summary>Adds a key whatever the tenant has.</summary>
    public static async Task AddAsync(this IApiKeyStore keys, TenantScope scope, ApiKey key, AuditRecord record, CancellationToken ct) =>
        _ = (await keys.AddAsync(scope, key, int.MaxValue, record, ct)).Value;

    /// <summary>Appends this input unless <paramref name="check"/> refuses.</summary>
    public static Task<Result<IReadOnlyList<SessionEvent>>?> AppendInputAsync(
        this ISessionStore sessions, Id<Session> id, IReadOnlyList<NewEvent> input, Func<Session, Fault?> check, DateTimeOffset at, CancellationToken ct) =>
        sessions.AppendInputAsync(id, session => check(session) is { } fault ? fault : Result.Of(input), at, ct);
}
