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

    public static string TypeOf(NewEvent given) => TypeNames[given.Body.GetType()];

    /// <summary>Writes what no run says, after <paramref name="lastSeq"/>, of a session that the caller holds.</summary>
    /// <param name="settled">An input that has its effect with this append, so that no worker takes it up.</param>
    public static List<SessionEvent> Append(
        Link link, string tenant, Id<Session> session, IReadOnlyList<NewEvent> events, long lastSeq, long epoch, DateTimeOffset at, Id<SessionEvent>? settled = null)
    {
        List<SessionEvent> appended = new(events.Count);
        foreach (var given in events)
        {
            var written = new SessionEvent(++lastSeq, given.Id, given.Body, at, given.Id == settled ? at : ProcessedAt(given, at), epoch, null) { Principal = given.Principal };
            Insert(link, tenant, session, written);
            appended.Add(written);
        }

        return appended;
    }

    public static void Insert(Link link, string tenant, Id<Session> session, SessionEvent e) => link.Post(
        EventSql.Insert,
        ("@tenant_id", tenant),
        ("@session_id", session.ToString()),
        ("@seq", e.Seq),
        ("@event_id", e.Id.ToString()),
        ("@type", TypeNames[e.Body.GetType()]),
        ("@body", Rows.ToJson(e.Body)),
        ("@created_at", Instant.ToNumber(e.CreatedAt)),
        ("@processed_at", Instant.ToValue(e.ProcessedAt)),
        ("@epoch", e.Epoch),
        ("@run_id", e.Run?.ToString()),
        ("@principal", e.Principal));

    /// <summary>The events of an append as they stand in a log that ends at <paramref name="lastSeq"/>.</summary>
    public static List<SessionEvent> Appended(RunAppend append, long lastSeq)
    {
        var seq = lastSeq - append.Events.Count;
        return [.. append.Events.Select(given => new SessionEvent(++seq, given.Id, given.Body, append.At, ProcessedAt(given, append.At), append.Epoch, append.Run?.Id))];
    }

    /// <summary>Reads the columns of <see cref="EventSql"/>.</summary>
    public static SessionEvent Read(DbDataReader row) => new(
        row.GetInt64(0),
        row.Id<SessionEvent>(1),
        row.Json<EventBody>(2),
        row.Moment(3),
        row.MomentOrNull(4),
        row.GetInt64(5),
        row.IsDBNull(6) ? null : row.Id<Run>(6))
    { Principal = row.TextOrNull(7) };

    /// <summary>Input stands unprocessed until a run takes it up; anything else is processed as it is written.</summary>
    public static DateTimeOffset? ProcessedAt(NewEvent given, DateTimeOffset at) => given.Body is InputBody ? null : at;
}
