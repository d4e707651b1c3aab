using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;

namespace Insula.Storage.TenantData;

/// <summary>Runs and what they used, for use inside a write.</summary>
internal static class RunRows
{
    public static void Put(Link link, Claim claim, Run run) => link.Post(
        RunSql.Put,
        ("@tenant_id", claim.Tenant),
        ("@epoch", claim.Epoch),
        ("@run_id", run.Id.ToString()),
        ("@session_id", run.Session.ToString()),
        ("@status", Rows.ToName(run.Status)),
        ("@stop_reason", run.StopReason),
        ("@steps", run.Steps),
        ("@started_at", Instant.ToNumber(run.StartedAt)),
        ("@ended_at", Instant.ToValue(run.EndedAt)));

    /// <summary>
    /// Writes usage that is not there yet, and counts it on the session first: the count asks whether the row is there.
    /// </summary>
    public static void AddUsage(Link link, Claim claim, IReadOnlyList<UsageRow> rows)
    {
        foreach (var row in rows)
        {
            link.Post(
                RunSql.CountUsage,
                ("@tenant_id", claim.Tenant),
                ("@epoch", claim.Epoch),
                ("@usage_id", row.Id.ToString()),
                ("@session_id", row.Session.ToString()),
                ("@input_tokens", row.Tokens.Input),
                ("@output_tokens", row.Tokens.Output),
                ("@cache_read_tokens", row.Tokens.CacheRead),
                ("@cache_write_tokens", row.Tokens.CacheWrite));
            link.Post(
                RunSql.InsertUsage,
                ("@tenant_id", claim.Tenant),
                ("@epoch", claim.Epoch),
                ("@usage_id", row.Id.ToString()),
                ("@session_id", row.Session.ToString()),
                ("@run_id", row.Run.ToString()),
                ("@kind", row.Kind),
                ("@name", row.Name),
                ("@input_tokens", row.Tokens.Input),
                ("@output_tokens", row.Tokens.Output),
                ("@cache_read_tokens", row.Tokens.CacheRead),
                ("@cache_write_tokens", row.Tokens.CacheWrite),
                ("@at", Instant.ToNumber(row.At)));
        }
    }

    /// <summary>Reads the columns of <see cref="RunSql"/>.</summary>
    public static Run Read(DbDataReader row) =>
        new(row.Id<Run>(0), row.Id<Session>(1), row.Name<RunStatus>(2), row.TextOrNull(3), row.GetInt32(4), row.Moment(5), row.MomentOrNull(6));
}
