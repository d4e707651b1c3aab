using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

/// <summary>
/// Pages of sessions, both ways. A page before a row is read from that row against the list's order and turned round,
/// so that it holds the nearest rows and not the first ones.
/// </summary>
internal static class SessionList
{
    public static async Task<BidirectionalPage<Session>> ReadAsync(Database database, string tenant, SessionFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"sessions {tenant} {(filter.Ascending ? "up" : "down")}";
        var from = Cursor.Of(page, list, filter.Ascending ? Cursor.Bottom : Cursor.Top);
        var created = Moments.Of(filter.Created);
        var rows = await database.AllAsync(
            filter.Ascending ^ from.Backward ? SessionSql.ListUp : SessionSql.ListDown,
            SessionRows.Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", from.At),
            ("@after_id", from.Id),
            ("@created_from", created.From),
            ("@created_to", created.To),
            ("@archived_too", filter.IncludeArchived),
            ("@agent_id", filter.AgentId?.ToString()),
            ("@agent_version", filter.AgentVersion is { } version ? version : Null.Int),
            ("@statuses", filter.Statuses is { Count: > 0 } statuses ? Rows.ToNames(statuses.Select(Rows.ToName)) : null),
            ("@limit", page.Limit + 1));
        return Cut(rows, page, from.Backward, list);
    }

    private static BidirectionalPage<Session> Cut(List<Session> rows, PageRequest page, bool backward, string list)
    {
        var more = rows.Count > page.Limit;
        if (more) rows.RemoveAt(page.Limit);
        if (rows.Count == 0) return new([], null, null);
        if (backward) rows.Reverse();

        var hasNext = backward || more;
        var hasPrevious = backward ? more : page.After is not null;
        return new(rows, hasNext ? At(rows[^1], backward: false, list) : null, hasPrevious ? At(rows[0], backward: true, list) : null);
    }

    private static string At(Session session, bool backward, string list) =>
        new Cursor(Instant.ToNumber(session.CreatedAt), session.Id.ToString(), backward).ToText(list);
}
