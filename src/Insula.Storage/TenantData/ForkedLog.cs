using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;

namespace Insula.Storage.TenantData;

/// <summary>
/// The part of a fork's log that stands in other sessions: stretches of the logs of its origin, of its origin's origin and
/// so on, one after the other without gaps. It never changes, because a session with forks cannot be removed.
/// </summary>
internal sealed class ForkedLog
{
    private readonly Database _database;
    private readonly string _tenant;
    private readonly List<Stretch> _stretches = [];

    private ForkedLog(Database database, string tenant, IReadOnlyList<Generation> line)
    {
        (_database, _tenant) = (database, tenant);
        if (line.Count == 0) return;

        // From the fork back to the first session. A fork of a fork at a point before the latter's own events passes over it.
        var (to, settledAt) = (line[0].ForkedAt, line[0].CreatedAt);
        foreach (var origin in line.Skip(1))
        {
            if (origin.ForkedAt >= to) continue;
            _stretches.Add(new Stretch(origin.Session, origin.ForkedAt, to, settledAt));
            (to, settledAt) = (origin.ForkedAt, origin.CreatedAt);
        }

        _stretches.Reverse();
    }

    public static async Task<ForkedLog> FindAsync(Database database, string tenant, Id<Session> session, CancellationToken ct) => new(
        database,
        tenant,
        await database.AllAsync(
            SessionSql.Line,
            static row => new Generation(row.GetString(0), row.IsDBNull(1) ? 0 : row.GetInt64(1), row.GetInt64(2)),
            ct,
            ("@tenant_id", tenant),
            ("@session_id", session.ToString())));

    /// <summary>At most <paramref name="limit"/> events after <paramref name="after"/>, in log order.</summary>
    public async Task<List<SessionEvent>> UpAsync(long after, EventFilter filter, int limit, CancellationToken ct)
    {
        List<SessionEvent> events = [];
        foreach (var stretch in _stretches.Where(s => s.To > after))
        {
            if (events.Count == limit) break;
            events.AddRange(await ReadAsync(EventSql.PrefixUp, stretch with { After = Math.Max(after, stretch.After) }, Cursor.Top.At, filter, limit - events.Count, ct));
        }

        return events;
    }

    /// <summary>At most <paramref name="limit"/> events before <paramref name="before"/>, newest first.</summary>
    public async Task<List<SessionEvent>> DownAsync(long before, EventFilter filter, int limit, CancellationToken ct)
    {
        List<SessionEvent> events = [];
        foreach (var stretch in Enumerable.Reverse(_stretches).Where(s => s.After + 1 < before))
        {
            if (events.Count == limit) break;
            events.AddRange(await ReadAsync(EventSql.PrefixDown, stretch, before, filter, limit - events.Count, ct));
        }

        return events;
    }

    private Task<List<SessionEvent>> ReadAsync(string sql, Stretch stretch, long before, EventFilter filter, int limit, CancellationToken ct)
    {
        var processed = Moments.Of(filter.Processed);
        return _database.AllAsync(
            sql,
            EventLog.Read,
            ct,
            ("@tenant_id", _tenant),
            ("@session_id", stretch.Session),
            ("@after_seq", stretch.After),
            ("@to_seq", stretch.To),
            ("@before_seq", before),
            ("@settled_at", stretch.SettledAt),
            ("@processed_from", processed.From),
            ("@processed_to", processed.To),
            ("@types", filter.Types is { Count: > 0 } types ? Rows.ToNames(types) : null),
            ("@run_id", filter.Run?.ToString()),
            ("@limit", limit));
    }

    /// <param name="ForkedAt">0 for a session that is no fork: its log is its own from the first event.</param>
    private sealed record Generation(string Session, long ForkedAt, long CreatedAt);

    /// <summary>Events <paramref name="After"/> + 1 to <paramref name="To"/> of one session's own.</summary>
    /// <param name="SettledAt">When the fork that ends the stretch was made.</param>
    private sealed record Stretch(string Session, long After, long To, long SettledAt);
}
