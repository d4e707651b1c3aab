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

    /// <summary>Writes what no run says, after <paramref name="lastSeq"/>, of a session that the caller holds.</summary>
    public static List<SessionEvent> Append(Link link, string tenant, Id<Session> session, IReadOnlyList<NewEvent> events, long lastSeq, long epoch, DateTimeOffset at)
    {
        List<SessionEvent> appended = new(events.Count);
        foreach (var given in events)
        {
            var written = new SessionEvent(++lastSeq, given.Id, given.Body, at, ProcessedAt(given, at), epoch, null) { Principal = given.Principal };
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
                ("@run_id", null),
                ("@principal", written.Principal));
            appended.Add(written);
        }

        return appended;
    }

    /// <summary>Writes a worker's events, and takes up the input that it names. The numbers are the session's row's, which <see cref="Appended"/> learns.</summary>
    public static void Append(Link link, Claim claim, RunAppend append)
    {
        var after = append.Events.Count;
        foreach (var given in append.Events)
        {
            link.Post(
                EventSql.InsertOfClaim,
                ("@tenant_id", claim.Tenant),
                ("@session_id", claim.Session.ToString()),
                ("@epoch", claim.Epoch),
                ("@before_last", --after),
                ("@event_id", given.Id.ToString()),
                ("@type", TypeNames[given.Body.GetType()]),
                ("@body", Rows.ToJson(given.Body)),
                ("@created_at", Instant.ToNumber(append.At)),
                ("@processed_at", Instant.ToValue(ProcessedAt(given, append.At))),
                ("@run_id", append.Run?.Id.ToString()));
        }

        foreach (var input in append.Processed)
        {
            link.Post(
                EventSql.TakeUp,
                ("@tenant_id", claim.Tenant),
                ("@session_id", claim.Session.ToString()),
                ("@epoch", claim.Epoch),
                ("@event_id", input.ToString()),
                ("@processed_at", Instant.ToNumber(append.At)),
                ("@run_id", append.ProcessedBy?.ToString()));
        }
    }

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
        row.IsDBNull(6) ? null : row.Id<Run>(6)) { Principal = row.TextOrNull(7) };

    /// <summary>Input stands unprocessed until a run takes it up; anything else is processed as it is written.</summary>
    private static DateTimeOffset? ProcessedAt(NewEvent given, DateTimeOffset at) => given.Body is InputBody ? null : at;
}
