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
    public static void Put(Link link, Claim claim, Run run) => link.Post(
        RunSql.Put,
        ("@tenant_id", claim.Tenant),
        ("@epoch", claim.Epoch),
        ("@run_id", run.Id.ToString()),
        ("@session_id", run.Session.ToString()),
        ("@status", Rows.ToName(run.Status)),
        ("@stop_reason", run.StopReason),
        ("@steps", run.Steps),
        ("@queued_at", Instant.ToNumber(run.QueuedAt)),
        ("@started_at", run.StartedAt is { } started ? Instant.ToNumber(started) : 0L),
        ("@ended_at", Instant.ToValue(run.EndedAt)),
        ("@input_tokens", run.Usage.Input),
        ("@output_tokens", run.Usage.Output),
        ("@cache_read_tokens", run.Usage.CacheRead),
        ("@cache_write_tokens", run.Usage.CacheWrite),
        ("@error", run.Error is { } error ? Rows.ToJson(error) : null));

    /// <summary>Queues the run of the oldest message that none took up.</summary>
    public static void Queue(Link link, string tenant, Id<Session> session) =>
        link.Post(RunSql.Queue, ("@tenant_id", tenant), ("@session_id", session.ToString()));

    /// <summary>After a worker settled input: the queued run is that of the oldest message that is left, or there is none.</summary>
    public static void Requeue(Link link, Claim claim, DateTimeOffset at)
    {
        link.Post(
            RunSql.CancelSettled, ("@tenant_id", claim.Tenant), ("@session_id", claim.Session.ToString()), ("@epoch", claim.Epoch), ("@at", Instant.ToNumber(at)));
        Queue(link, claim.Tenant, claim.Session);
    }

    /// <summary>
    /// Writes usage that is not there yet, and counts it on the session first: the count asks whether the row is there.
    /// </summary>
    public static void AddUsage(Link link, Claim claim, IReadOnlyList<UsageRow> rows)
    {
        foreach (var row in rows)
        {
            if (row.Tokens != default)
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
            }

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
                ("@at", Instant.ToNumber(row.At)),
                ("@agent_id", row.Agent?.ToString()),
                ("@principal", row.Principal),
                ("@reasoning_tokens", row.Tokens.Reasoning),
                ("@cost_micros", row.CostMicros ?? (object)Null.Long),
                ("@price_version", row.PriceVersion));
        }
    }

    /// <summary>Reads the columns of <see cref="RunSql"/>.</summary>
    public static Run Read(DbDataReader row) =>
        new(row.Id<Run>(0), row.Id<Session>(1), row.Name<RunStatus>(2), row.TextOrNull(3), row.GetInt32(4), row.Moment(5), row.GetInt64(6) == 0 ? null : row.Moment(6), row.MomentOrNull(7))
        {
            Usage = new TokenUsage(row.GetInt64(8), row.GetInt64(9), row.GetInt64(10), row.GetInt64(11)),
            Error = row.IsDBNull(12) ? null : row.Json<ErrorDetail>(12),
        };
}
