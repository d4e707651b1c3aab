using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;

namespace Insula.Storage.TenantData;

/// <summary>Sessions as rows, for use inside a write.</summary>
internal static class SessionRows
{
    public static void Insert(Link link, string tenant, Session session) => link.Post(
        SessionSql.Insert,
        ("@tenant_id", tenant),
        ("@session_id", session.Id.ToString()),
        ("@agent_id", session.AgentId.ToString()),
        ("@agent_version", session.AgentVersion),
        ("@agent", Rows.ToJson(session.Agent)),
        ("@environment_id", session.EnvironmentId.ToString()),
        ("@title", session.Title),
        ("@metadata", Rows.ToJson(session.Metadata)),
        ("@budget", BudgetText(session)),
        ("@status", Rows.ToName(session.Status)),
        ("@last_seq", session.LastSeq),
        ("@epoch", session.Epoch),
        ("@pending_input", session.PendingInput),
        ("@input_tokens", session.Usage.Input),
        ("@output_tokens", session.Usage.Output),
        ("@cache_read_tokens", session.Usage.CacheRead),
        ("@cache_write_tokens", session.Usage.CacheWrite),
        ("@active_seconds", session.ActiveSeconds),
        ("@created_at", Instant.ToNumber(session.CreatedAt)),
        ("@updated_at", Instant.ToNumber(session.UpdatedAt)),
        ("@archived_at", Instant.ToValue(session.ArchivedAt)),
        ("@forked_from", session.ForkedFrom?.SessionId.ToString()),
        ("@forked_at", session.ForkedFrom is { } fork ? fork.At : Null.Long),
        ("@open_run_id", session.OpenRun?.ToString()),
        ("@parent_session", session.Parent?.SessionId.ToString()),
        ("@parent_run", session.Parent?.RunId.ToString()),
        ("@parent_call", session.Parent?.ToolUseId.ToString()));

    /// <summary>Writes what an update may change, and nothing else.</summary>
    public static void Update(Link link, string tenant, Session session) => link.Post(
        SessionSql.Update,
        ("@tenant_id", tenant),
        ("@session_id", session.Id.ToString()),
        ("@title", session.Title),
        ("@metadata", Rows.ToJson(session.Metadata)),
        ("@budget", BudgetText(session)),
        ("@agent", Rows.ToJson(session.Agent)),
        ("@last_seq", session.LastSeq),
        ("@updated_at", Instant.ToNumber(session.UpdatedAt)));

    /// <summary>Reads the columns of <see cref="SessionSql"/>.</summary>
    public static Session Read(DbDataReader row) => new(
        row.Id<Session>(0),
        row.Id<Agent>(1),
        row.GetInt32(2),
        row.Json<AgentDefinition>(3),
        row.Id<AgentEnvironment>(4),
        row.TextOrNull(5),
        row.Json<IReadOnlyDictionary<string, string>>(6),
        row.IsDBNull(7) ? null : row.Json<JsonElement>(7),
        row.Name<SessionStatus>(8),
        row.GetInt64(9),
        row.GetInt64(10),
        row.GetBoolean(11),
        new TokenUsage(row.GetInt64(12), row.GetInt64(13), row.GetInt64(14), row.GetInt64(15)),
        row.GetDouble(16),
        row.Moment(17),
        row.Moment(18),
        row.MomentOrNull(19))
    {
        ForkedFrom = row.IsDBNull(20) ? null : new ForkPoint(row.Id<Session>(20), row.GetInt64(21)),
        OpenRun = row.IsDBNull(22) ? null : row.Id<Run>(22),
        Parent = row.IsDBNull(23) ? null : new ParentCall(row.Id<Session>(23), row.Id<Run>(24), row.Id<SessionEvent>(25)),
    };

    private static string? BudgetText(Session session) => session.Budget is { } budget ? Rows.ToJson(budget) : null;
}
