using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

/// <summary>
/// Sessions and their logs. Each method that writes is one transaction: it takes the session's row, lets the caller judge
/// it, appends and brings the projection up to date with no other writer of that session in between.
/// </summary>
internal sealed class SessionStore(Database database, string tenant, SessionQuota quota) : ISessionStore
{
    private static readonly EventFilter EveryEvent = new(Types: null, TimeRange.Any, Ascending: true);

    public Task<Result<IReadOnlyList<SessionEvent>>> AddAsync(Session session, IReadOnlyList<NewEvent> initial, long sessionsMax, CancellationToken ct) =>
        database.WriteAsync<Result<IReadOnlyList<SessionEvent>>>(
            async link =>
            {
                if (await quota.ReserveAsync(link, tenant, sessionsMax) is { } full) return full;
                SessionRows.Insert(link, tenant, session);
                return initial.Count == 0 ? [] : AppendAndProject(link, session, initial, session.CreatedAt, session.UpdatedAt);
            },
            ct);

    public Task<Session?> FindAsync(Id<Session> id, CancellationToken ct) =>
        database.FirstAsync(SessionSql.Find, SessionRows.Read, ct, ("@tenant_id", tenant), ("@session_id", id.ToString()));

    public Task<long?> FindLastSeqAsync(Id<Session> id, CancellationToken ct) =>
        database.FirstAsync(SessionSql.LastSeq, static row => (long?)row.GetInt64(0), ct, ("@tenant_id", tenant), ("@session_id", id.ToString()));

    public Task<BidirectionalPage<Session>> ListAsync(SessionFilter filter, PageRequest page, CancellationToken ct) => SessionList.ReadAsync(database, tenant, filter, page, ct);

    public Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> UpdateAsync(
        Id<Session> id, Func<Session, Result<SessionUpdate>> change, DateTimeOffset at, CancellationToken ct) =>
        database.WriteAsync<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?>(
            async link =>
            {
                if (await HoldAsync(link, id) is not { } before) return null;
                if (change(before).Failed(out var fault, out var update)) return fault;

                var events = EventLog.Append(link, tenant, id, update.Log, before.LastSeq, before.Epoch, at);
                var after = before with
                {
                    Title = update.Session.Title,
                    Metadata = update.Session.Metadata,
                    Budget = update.Session.Budget,
                    Agent = update.Session.Agent,
                    LastSeq = before.LastSeq + events.Count,
                    UpdatedAt = events.Count > 0 ? at : before.UpdatedAt,
                };
                SessionRows.Update(link, tenant, after);
                return (after, events);
            },
            ct);

    public Task<Result<Session>?> ArchiveAsync(Id<Session> id, Func<Session, Fault?> allowed, DateTimeOffset at, CancellationToken ct) => database.WriteAsync<Result<Session>?>(
        async link =>
        {
            if (await HoldAsync(link, id) is not { } session) return null;
            if (session.ArchivedAt is not null) return session;
            if (allowed(session) is { } fault) return fault;
            link.Post(SessionSql.Archive, ("@tenant_id", tenant), ("@session_id", id.ToString()), ("@at", Instant.ToNumber(at)));
            return session with { ArchivedAt = at, UpdatedAt = at };
        },
        ct);

    public Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> ForkAsync(
        Id<Session> origin, Func<Session, Result<SessionUpdate>> fork, long sessionsMax, CancellationToken ct) =>
        database.WriteAsync<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?>(
            async link =>
            {
                // Held, so that it is not removed before the fork that reads from it is there.
                if (await HoldAsync(link, origin) is not { } session) return null;
                if (fork(session).Failed(out var fault, out var made)) return fault;
                if (await quota.ReserveAsync(link, tenant, sessionsMax) is { } full) return full;
                SessionRows.Insert(link, tenant, made.Session);
                var events = AppendAndProject(link, made.Session, made.Log, made.Session.CreatedAt, made.Session.UpdatedAt);
                return (made.Session with { LastSeq = made.Session.LastSeq + events.Count }, events);
            },
            ct);

    public async Task<IReadOnlyList<Session>> ListChildrenAsync(Id<Session> parent, Id<Run> run, CancellationToken ct) => await database.AllAsync(
        SessionSql.Children, SessionRows.Read, ct, ("@tenant_id", tenant), ("@session_id", parent.ToString()), ("@run_id", run.ToString()));

    public Task<Result<Done>?> RemoveAsync(Id<Session> id, Func<Session, Fault?> allowed, CancellationToken ct) => database.WriteAsync<Result<Done>?>(
        async link =>
        {
            if (await HoldAsync(link, id) is not { } session) return null;
            var forks = await link.FirstAsync(SessionSql.CountForks, static row => row.GetInt64(0), ("@tenant_id", tenant), ("@session_id", id.ToString()));
            if (forks > 0) return ForkRules.ReadFrom(forks);
            if (allowed(session) is { } fault) return fault;
            link.Post(SessionSql.Delete, ("@tenant_id", tenant), ("@session_id", id.ToString()));
            SessionQuota.Release(link, tenant);
            return new Done();
        },
        ct);

    public Task<Result<IReadOnlyList<SessionEvent>>?> AppendInputAsync(
        Id<Session> id, Func<Session, Result<IReadOnlyList<NewEvent>>> input, DateTimeOffset at, CancellationToken ct) =>
        database.WriteAsync<Result<IReadOnlyList<SessionEvent>>?>(
            async link =>
            {
                if (await HoldAsync(link, id) is not { } session) return null;
                if (input(session).Failed(out var fault, out var events)) return fault;
                return AppendAndProject(link, session, events, at, at, await RunRows.FindCancelAsync(link, tenant, session, events));
            },
            ct);

    public Task<Session?> ClaimAsync(Id<Session> id, CancellationToken ct) => database.WriteAsync(
        link =>
        {
            link.Post(SessionSql.Claim, ("@tenant_id", tenant), ("@session_id", id.ToString()));
            return link.LastAsync(SessionSql.Find, SessionRows.Read, ("@tenant_id", tenant), ("@session_id", id.ToString()));
        },
        ct);

    public Task<IReadOnlyList<SessionEvent>> AppendAsync(RunAppend append, CancellationToken ct) => RunAppends.AppendAsync(database, tenant, append, ct);

    public Task<Run?> FindOpenRunAsync(Id<Session> id, CancellationToken ct) =>
        database.FirstAsync(RunSql.FindOpen, RunRows.Read, ct, ("@tenant_id", tenant), ("@session_id", id.ToString()));

    /// <summary>
    /// A fork has an event of its own behind its fork point, and numbers have no gaps: so a read of its own events either
    /// begins where it was asked to, or shows that others come before. A log that is no fork's costs one statement.
    /// </summary>
    public async Task<IReadOnlyList<SessionEvent>> ReadAsync(Id<Session> id, long afterSeq, int limit, CancellationToken ct)
    {
        var own = await database.AllAsync(
            EventSql.Read,
            EventLog.Read,
            ct,
            ("@tenant_id", tenant),
            ("@session_id", id.ToString()),
            ("@after_seq", afterSeq),
            ("@limit", limit));
        if (own.Count == 0 || own[0].Seq == afterSeq + 1) return own;

        var forked = await ForkedLog.FindAsync(database, tenant, id, ct);
        var before = await forked.UpAsync(afterSeq, EveryEvent, limit, ct);
        return [.. before, .. own.Take(limit - before.Count)];
    }

    public async Task<Page<SessionEvent>> ListEventsAsync(Session session, EventFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"events {tenant} {session.Id} {(filter.Ascending ? "up" : "down")}";
        var after = Cursor.Of(page, list, filter.Ascending ? Cursor.Bottom : Cursor.Top).At;
        var limit = page.Limit + 1;
        var forked = session.ForkedFrom is null ? null : await ForkedLog.FindAsync(database, tenant, session.Id, ct);
        var rows = filter.Ascending && forked is not null ? await forked.UpAsync(after, filter, limit, ct) : [];
        if (rows.Count < limit) rows.AddRange(await ListOwnAsync(session.Id, filter, after, limit - rows.Count, ct));
        if (rows.Count < limit && !filter.Ascending && forked is not null) rows.AddRange(await forked.DownAsync(after, filter, limit - rows.Count, ct));
        return Pages.Cut(rows, page.Limit, last => new Cursor(last.Seq, "").ToText(list));
    }

    private Task<List<SessionEvent>> ListOwnAsync(Id<Session> id, EventFilter filter, long after, int limit, CancellationToken ct)
    {
        var processed = Moments.Of(filter.Processed);
        return database.AllAsync(
            filter.Ascending ? EventSql.ListUp : EventSql.ListDown,
            EventLog.Read,
            ct,
            ("@tenant_id", tenant),
            ("@session_id", id.ToString()),
            ("@after_seq", after),
            ("@processed_from", processed.From),
            ("@processed_to", processed.To),
            ("@types", filter.Types is { Count: > 0 } types ? Rows.ToNames(types) : null),
            ("@run_id", filter.Run?.ToString()),
            ("@limit", limit));
    }

    /// <summary>The session, which no other writer changes before this unit ends.</summary>
    private ValueTask<Session?> HoldAsync(Link link, Id<Session> id) =>
        link.LockAsync(SessionSql.Find, SessionRows.Read, ("@tenant_id", tenant), ("@session_id", id.ToString()));

    /// <param name="cancel">The interrupt among the input that ends the queued run.</param>
    private List<SessionEvent> AppendAndProject(
        Link link, Session session, IReadOnlyList<NewEvent> input, DateTimeOffset at, DateTimeOffset updatedAt, Id<SessionEvent>? cancel = null)
    {
        var events = EventLog.Append(link, tenant, session.Id, input, session.LastSeq, session.Epoch, at, settled: cancel);
        if (cancel is not null) RunRows.CancelQueued(link, tenant, session.Id, events.Find(e => e.Id == cancel)!);
        link.Post(
            SessionSql.ProjectInput,
            ("@tenant_id", tenant),
            ("@session_id", session.Id.ToString()),
            ("@last_seq", session.LastSeq + events.Count),
            ("@updated_at", Instant.ToNumber(updatedAt)));
        if (input.Any(static e => e.Body is UserMessage)) RunRows.Queue(link, tenant, session.Id);
        return events;
    }
}
