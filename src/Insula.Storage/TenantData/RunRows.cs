using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.TenantData;

/// <summary>Runs and what they used, for use inside a write.</summary>
internal static class RunRows
{
    public static void Put(SqliteLink link, string tenant, Run run) => link.Run(
        RunSql.Put,
        ("@tenant_id", tenant),
        ("@run_id", run.Id.ToString()),
        ("@session_id", run.Session.ToString()),
        ("@status", Rows.ToName(run.Status)),
        ("@stop_reason", run.StopReason),
        ("@steps", run.Steps),
        ("@started_at", Instant.ToNumber(run.StartedAt)),
        ("@ended_at", Instant.ToNumber(run.EndedAt)));

    /// <summary>Writes usage that is not there yet; the tokens of what was new.</summary>
    public static TokenUsage AddUsage(SqliteLink link, string tenant, IReadOnlyList<UsageRow> rows)
    {
        var added = default(TokenUsage);
        foreach (var row in rows)
        {
            var isNew = link.Run(
                RunSql.InsertUsage,
                ("@tenant_id", tenant),
                ("@usage_id", row.Id.ToString()),
                ("@session_id", row.Session.ToString()),
                ("@run_id", row.Run.ToString()),
                ("@kind", row.Kind),
                ("@name", row.Name),
                ("@input_tokens", row.Tokens.Input),
                ("@output_tokens", row.Tokens.Output),
                ("@cache_read_tokens", row.Tokens.CacheRead),
                ("@cache_write_tokens", row.Tokens.CacheWrite),
                ("@at", Instant.ToNumber(row.At))) > 0;
            if (isNew) added += row.Tokens;
        }

        return added;
    }

    public static Run? FindOpen(SqliteLink link, string tenant, Id<Session> session) =>
        link.First(RunSql.FindOpen, Read, ("@tenant_id", tenant), ("@session_id", session.ToString()));

    private static Run Read(SqliteDataReader row) =>
        new(row.Id<Run>(0), row.Id<Session>(1), row.Name<RunStatus>(2), row.TextOrNull(3), row.GetInt32(4), row.Moment(5), row.MomentOrNull(6));
}
