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

    /// <summary>Reads the columns of <see cref="RunSql"/>.</summary>
    public static Run Read(DbDataReader row) =>
        new(row.Id<Run>(0), row.Id<Session>(1), row.Name<RunStatus>(2), row.TextOrNull(3), row.GetInt32(4), row.Moment(5), row.GetInt64(6) == 0 ? null : row.Moment(6), row.MomentOrNull(7))
        {
            Usage = new TokenUsage(row.GetInt64(8), row.GetInt64(9), row.GetInt64(10), row.GetInt64(11)),
            Error = row.IsDBNull(12) ? null : row.Json<ErrorDetail>(12),
        };
}
