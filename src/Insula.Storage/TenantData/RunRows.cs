using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;

namespace Insula.Storage.TenantData;

/// <summary>Runs and what they used, for use inside a write.</summary>
internal static class RunRows
{
    /// <summary>Queues the run of the oldest message that none took up.</summary>
    public static void Queue(Link link, string tenant, Id<Session> session) =>
        link.Post(RunSql.Queue, ("@tenant_id", tenant), ("@session_id", session.ToString()));

    /// <summary>
    /// The interrupt among the input that names the run which is queued, if there is one: it needs no worker to have its
    /// effect. That run is the one of the oldest message that stands, as it is for a worker.
    /// </summary>
    public static async ValueTask<Id<SessionEvent>?> FindCancelAsync(Link link, string tenant, Session session, IReadOnlyList<NewEvent> input)
    {
        if (!input.Any(e => NamesAnother(e, session))) return null;
        var oldest = await link.FirstAsync(EventSql.OldestMessage, static row => (Id<SessionEvent>?)row.Id<SessionEvent>(0), ("@tenant_id", tenant), ("@session_id", session.Id.ToString()));
        return oldest is { } message ? input.FirstOrDefault(e => NamesAnother(e, session) && ((UserInterrupt)e.Body).RunId == Run.IdOf(message))?.Id : null;
    }

    /// <summary>Settles the messages before the interrupt, and ends the run that they queued.</summary>
    public static void CancelQueued(Link link, string tenant, Id<Session> session, SessionEvent interrupt)
    {
        var at = Instant.ToNumber(interrupt.CreatedAt);
        link.Post(EventSql.SettleMessages, ("@tenant_id", tenant), ("@session_id", session.ToString()), ("@before_seq", interrupt.Seq), ("@at", at));
        link.Post(RunSql.CancelSettled, ("@tenant_id", tenant), ("@session_id", session.ToString()), ("@at", at));
    }

    private static bool NamesAnother(NewEvent e, Session session) => e.Body is UserInterrupt { RunId: { } run } && run != session.OpenRun;

    /// <summary>Reads the columns of <see cref="RunSql"/>.</summary>
    public static Run Read(DbDataReader row) =>
        new(row.Id<Run>(0), row.Id<Session>(1), row.Name<RunStatus>(2), row.TextOrNull(3), row.GetInt32(4), row.Moment(5), row.GetInt64(6) == 0 ? null : row.Moment(6), row.MomentOrNull(7))
        {
            Usage = new TokenUsage(row.GetInt64(8), row.GetInt64(9), row.GetInt64(10), row.GetInt64(11)),
            Error = row.IsDBNull(12) ? null : row.Json<ErrorDetail>(12),
        };
}
