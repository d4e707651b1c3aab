using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

/// <summary>
/// Sessions and their logs. Each method that writes is one unit of the file's writer: it reads the session, lets the
/// caller judge it, appends and brings the projection up to date with nobody in between.
/// </summary>
internal sealed class SessionStore(SqliteFile file, string tenant) : ISessionStore
{
    public Task<IReadOnlyList<SessionEvent>> AddAsync(Session session, IReadOnlyList<NewEvent> initial, CancellationToken ct) => file.WriteAsync<IReadOnlyList<SessionEvent>>(
        link =>
        {
            SessionRows.Insert(link, tenant, session);
            return initial.Count == 0 ? [] : AppendAndProject(link, session, initial, session.CreatedAt, session.UpdatedAt);
        },
        ct);

    public Task<Session?> FindAsync(Id<Session> id, CancellationToken ct) => file.ReadAsync(link => SessionRows.Find(link, tenant, id), ct);

    public Task<BidirectionalPage<Session>> ListAsync(SessionFilter filter, PageRequest page, CancellationToken ct) => SessionList.ReadAsync(file, tenant, filter, page, ct);

    public Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> UpdateAsync(
        Id<Session> id, Func<Session, Result<SessionUpdate>> change, DateTimeOffset at, CancellationToken ct) =>
        file.WriteAsync<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?>(
            link =>
            {
                if (SessionRows.Find(link, tenant, id) is not { } before) return null;
                if (change(before).Failed(out var fault, out var update)) return fault;

                var events = EventLog.Append(link, tenant, id, update.Log, before.LastSeq, before.Epoch, null, at);
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

    public Task<Result<Session>?> ArchiveAsync(Id<Session> id, Func<Session, Fault?> allowed, DateTimeOffset at, CancellationToken ct) => file.WriteAsync<Result<Session>?>(
        link =>
        {
            if (SessionRows.Find(link, tenant, id) is not { } session) return null;
            if (session.ArchivedAt is not null) return session;
            if (allowed(session) is { } fault) return fault;
            link.Run(SessionSql.Archive, ("@tenant_id", tenant), ("@session_id", id.ToString()), ("@at", Instant.ToNumber(at)));
            return session with { ArchivedAt = at, UpdatedAt = at };
        },
        ct);

    public Task<Result<Done>?> RemoveAsync(Id<Session> id, Func<Session, Fault?> allowed, CancellationToken ct) => file.WriteAsync<Result<Done>?>(
        link =>
        {
            if (SessionRows.Find(link, tenant, id) is not { } session) return null;
            if (allowed(session) is { } fault) return fault;
            link.Run(SessionSql.Delete, ("@tenant_id", tenant), ("@session_id", id.ToString()));
            return new Done();
        },
        ct);

    public Task<Result<IReadOnlyList<SessionEvent>>?> AppendInputAsync(
        Id<Session> id, IReadOnlyList<NewEvent> input, Func<Session, Fault?> check, DateTimeOffset at, CancellationToken ct) =>
        file.WriteAsync<Result<IReadOnlyList<SessionEvent>>?>(
            link =>
            {
                if (SessionRows.Find(link, tenant, id) is not { } session) return null;
                if (check(session) is { } fault) return fault;
                return AppendAndProject(link, session, input, at, at);
            },
            ct);

    public Task<Session?> ClaimAsync(Id<Session> id, CancellationToken ct) => file.WriteAsync(
        link =>
        {
            link.Run(SessionSql.Claim, ("@tenant_id", tenant), ("@session_id", id.ToString()));
            return SessionRows.Find(link, tenant, id);
        },
        ct);

    public Task<IReadOnlyList<SessionEvent>> AppendAsync(RunAppend append, CancellationToken ct) => file.WriteAsync<IReadOnlyList<SessionEvent>>(link => Append(link, append), ct);

    public Task<Run?> FindOpenRunAsync(Id<Session> id, CancellationToken ct) => file.ReadAsync(link => RunRows.FindOpen(link, tenant, id), ct);

    public async Task<IReadOnlyList<SessionEvent>> ReadAsync(Id<Session> id, long afterSeq, int limit, CancellationToken ct) => await file.ReadAsync(
        link => link.All(
            EventSql.Read,
            EventLog.Read,
            ("@tenant_id", tenant),
            ("@session_id", id.ToString()),
            ("@after_seq", afterSeq),
            ("@limit", limit)),
        ct);

    public Task<Page<SessionEvent>> ListEventsAsync(Id<Session> id, EventFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"events {tenant} {id} {(filter.Ascending ? "up" : "down")}";
        var after = Cursor.Of(page, list, filter.Ascending ? Cursor.Bottom : Cursor.Top);
        var processed = Moments.Of(filter.Processed);
        return file.ReadAsync(
            link => Pages.Cut(
                link.All(
                    filter.Ascending ? EventSql.ListUp : EventSql.ListDown,
                    EventLog.Read,
                    ("@tenant_id", tenant),
                    ("@session_id", id.ToString()),
                    ("@after_seq", after.At),
                    ("@processed_from", processed.From),
                    ("@processed_to", processed.To),
                    ("@types", filter.Types is { Count: > 0 } types ? Rows.ToJson(types) : null),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(last.Seq, "").ToText(list)),
            ct);
    }

    private List<SessionEvent> AppendAndProject(SqliteLink link, Session session, IReadOnlyList<NewEvent> input, DateTimeOffset at, DateTimeOffset updatedAt)
    {
        var events = EventLog.Append(link, tenant, session.Id, input, session.LastSeq, session.Epoch, null, at);
        link.Run(
            SessionSql.ProjectInput,
            ("@tenant_id", tenant),
            ("@session_id", session.Id.ToString()),
            ("@last_seq", session.LastSeq + events.Count),
            ("@pending_input", EventLog.HasPending(link, tenant, session.Id)),
            ("@updated_at", Instant.ToNumber(updatedAt)));
        return events;
    }

    private List<SessionEvent> Append(SqliteLink link, RunAppend append)
    {
        var head = link.First(
            SessionSql.Head,
            static row => ((long Epoch, long LastSeq, bool Pending)?)(row.GetInt64(0), row.GetInt64(1), row.GetBoolean(2)),
            ("@tenant_id", tenant),
            ("@session_id", append.Session.ToString()));
        if (head is not var (epoch, lastSeq, pending) || epoch != append.Epoch) throw new FencedOffException();

        var events = EventLog.Append(link, tenant, append.Session, append.Events, lastSeq, epoch, append.Run?.Id, append.At);
        EventLog.TakeUp(link, tenant, append);
        if (append.Run is { } run) RunRows.Put(link, tenant, run);
        var used = RunRows.AddUsage(link, tenant, append.Usage);
        if (append.Processed.Count > 0) pending = EventLog.HasPending(link, tenant, append.Session);
        link.Run(
            SessionSql.ProjectRun,
            ("@tenant_id", tenant),
            ("@session_id", append.Session.ToString()),
            ("@last_seq", lastSeq + events.Count),
            ("@pending_input", pending),
            ("@updated_at", Instant.ToNumber(append.At)),
            ("@status", append.Status is { } status ? Rows.ToName(status) : null),
            ("@input_tokens", used.Input),
            ("@output_tokens", used.Output),
            ("@cache_read_tokens", used.CacheRead),
            ("@cache_write_tokens", used.CacheWrite),
            ("@active_seconds", append.ActiveSeconds));
        return events;
    }
}
