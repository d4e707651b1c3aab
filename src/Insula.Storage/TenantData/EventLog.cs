using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json.Serialization;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;

namespace Insula.Storage.TenantData;

/// <summary>
/// The log's own statements, for use inside a write: numbers without gaps, because the writer holds the
/// session's row, takes the next number from it, and brings it up to date before it commits.
/// </summary>
internal static class EventLog
{
    private static readonly FrozenDictionary<Type, string> TypeNames = typeof(EventBody)
        .GetCustomAttributes<JsonDerivedTypeAttribute>()
        .ToFrozenDictionary(static known => known.DerivedType, static known => (string)known.TypeDiscriminator!);

    /// <summary>Writes the events after <paramref name="lastSeq"/>. Input stands unprocessed until a run takes it up; anything else is processed as it is written.</summary>
    public static List<SessionEvent> Append(
        Link link, string tenant, Id<Session> session, IReadOnlyList<NewEvent> events, long lastSeq, long epoch, Id<Run>? run, DateTimeOffset at)
    {
        List<SessionEvent> appended = new(events.Count);
        foreach (var given in events)
        {
            var written = new SessionEvent(++lastSeq, given.Id, given.Body, at, given.Body is InputBody ? null : at, epoch, run);
            link.Post(
                EventSql.Insert,
                ("@tenant_id", tenant),
                ("@session_id", session.ToString()),
                ("@seq", written.Seq),
                ("@event_id", written.Id.ToString()),
                ("@type", TypeNames[written.Body.GetType()]),
                ("@body", Rows.ToJson(written.Body)),
                ("@created_at", Instant.ToNumber(at)),
                ("@processed_at", Instant.ToValue(written.ProcessedAt)),
                ("@epoch", epoch),
                ("@run_id", run?.ToString()));
            appended.Add(written);
        }

        return appended;
    }

    public static void TakeUp(Link link, string tenant, RunAppend append)
    {
        foreach (var input in append.Processed)
        {
            link.Post(
                EventSql.TakeUp,
                ("@tenant_id", tenant),
                ("@event_id", input.ToString()),
                ("@session_id", append.Session.ToString()),
                ("@processed_at", Instant.ToNumber(append.At)),
                ("@run_id", append.Run?.Id.ToString()));
        }
    }

    /// <summary>Reads the columns of <see cref="EventSql"/>.</summary>
    public static SessionEvent Read(DbDataReader row) => new(
        row.GetInt64(0),
        row.Id<SessionEvent>(1),
        row.Json<EventBody>(2),
        row.Moment(3),
        row.MomentOrNull(4),
        row.GetInt64(5),
        row.IsDBNull(6) ? null : row.Id<Run>(6));
}
