using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;

namespace Insula.Storage.TenantData;

/// <summary>
/// What a worker appends, under its claim. On PostgreSQL a statement costs more than the rows that it writes, so there all
/// of it is one statement in one trip; in a SQLite file, where a statement costs next to nothing, it is one for each row.
/// </summary>
internal static class RunAppends
{
    /// <summary>Throws <see cref="FencedOffException"/> when the claim is lost; then nothing is written.</summary>
    public static async Task<IReadOnlyList<SessionEvent>> AppendAsync(Database database, string tenant, RunAppend append, CancellationToken ct)
    {
        var lastSeq = database.Dialect == Dialect.Postgres ? await AtOnceAsync(database, tenant, append, ct) : await database.WriteAsync(link => ByRowAsync(link, tenant, append), ct);
        return EventLog.Appended(append, lastSeq ?? throw await WhyRefusedAsync(database, tenant, append, ct));
    }

    private static async Task<Exception> WhyRefusedAsync(Database database, string tenant, RunAppend append, CancellationToken ct)
    {
        if (append is not { Seen: not null, Processed.Count: > 0 }) return new FencedOffException();
        var epoch = await database.FirstAsync(SessionSql.Epoch, static row => (long?)row.GetInt64(0), ct, ("@tenant_id", tenant), ("@session_id", append.Session.ToString()));
        return epoch == append.Epoch ? new OvertakenException() : new FencedOffException();
    }

    private static Task<long?> AtOnceAsync(Database database, string tenant, RunAppend append, CancellationToken ct)
    {
        var session = append.Session.ToString();
        List<(string, object?)> values = [.. Session(tenant, append), .. Run(append), .. Usage(append.Usage), .. Events(append)];
        if (append.Processed.Count == 0) return database.AnswerAsync(RunAppendSql.Step, LastSeq, session, ct, [.. values]);
        values.Add(("@taken", append.Processed.Select(static id => id.ToString()).ToArray()));
        values.Add(("@processed_by", append.ProcessedBy?.ToString()));
        values.Add(("@seen", append.Seen ?? (object)Null.Long));
        return database.AnswerAsync(RunAppendSql.TakingUp, LastSeq, session, ct, [.. values]);
    }

    private static async ValueTask<long?> ByRowAsync(Link link, string tenant, RunAppend append)
    {
        var projected = append.Processed.Count == 0
            ? await link.FirstAsync(SessionSql.ProjectRunOfClaim, LastSeq, Session(tenant, append))
            : await link.FirstAsync(SessionSql.ProjectRunAsSeen, LastSeq, [.. Session(tenant, append), ("@seen", append.Seen ?? (object)Null.Long)]);
        if (projected is not { } lastSeq) return null;

        var session = append.Session.ToString();
        foreach (var e in EventLog.Appended(append, lastSeq)) EventLog.Insert(link, tenant, append.Session, e);
        if (append.Run is not null) link.Post(RunSql.Put, [("@tenant_id", tenant), ("@session_id", session), ("@run_id", append.Run.Id.ToString()), .. Run(append)]);
        foreach (var row in append.Usage)
        {
            link.Post(
                RunSql.InsertUsage,
                ("@tenant_id", tenant),
                ("@session_id", session),
                ("@usage_id", row.Id.ToString()),
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

        if (append.Processed.Count > 0) TakeUp(link, tenant, append);
        return lastSeq;
    }

    private static void TakeUp(Link link, string tenant, RunAppend append)
    {
        var (session, at) = (append.Session.ToString(), Instant.ToNumber(append.At));
        foreach (var input in append.Processed)
        {
            link.Post(
                EventSql.TakeUp,
                ("@tenant_id", tenant),
                ("@session_id", session),
                ("@event_id", input.ToString()),
                ("@processed_at", at),
                ("@run_id", append.ProcessedBy?.ToString()));
        }

        link.Post(SessionSql.ProjectTakenUp, ("@tenant_id", tenant), ("@session_id", session));
        link.Post(RunSql.CancelSettled, ("@tenant_id", tenant), ("@session_id", session), ("@at", at));
        RunRows.Queue(link, tenant, append.Session);
    }

    private static (string Name, object? Value)[] Session(string tenant, RunAppend append)
    {
        var used = append.Usage.Aggregate(default(TokenUsage), static (sum, row) => sum + row.Tokens);
        return
        [
            ("@tenant_id", tenant),
            ("@session_id", append.Session.ToString()),
            ("@epoch", append.Epoch),
            ("@events", append.Events.Count),
            ("@updated_at", Instant.ToNumber(append.At)),
            ("@status", append.Status is { } status ? Rows.ToName(status) : null),
            ("@active_seconds", append.ActiveSeconds),
            ("@run_id", append.Run?.Id.ToString()),
            ("@open_run_id", append.Run is { IsOver: false } open ? open.Id.ToString() : null),
            ("@input_tokens", used.Input),
            ("@output_tokens", used.Output),
            ("@cache_read_tokens", used.CacheRead),
            ("@cache_write_tokens", used.CacheWrite),
        ];
    }

    private static (string Name, object? Value)[] Run(RunAppend append)
    {
        var run = append.Run;
        return
        [
            ("@run_status", run is null ? null : Rows.ToName(run.Status)),
            ("@stop_reason", run?.StopReason),
            ("@steps", run?.Steps ?? 0),
            ("@queued_at", run is null ? 0L : Instant.ToNumber(run.QueuedAt)),
            ("@started_at", run?.StartedAt is { } started ? Instant.ToNumber(started) : 0L),
            ("@ended_at", Instant.ToValue(run?.EndedAt)),
            ("@run_input_tokens", run?.Usage.Input ?? 0),
            ("@run_output_tokens", run?.Usage.Output ?? 0),
            ("@run_cache_read_tokens", run?.Usage.CacheRead ?? 0),
            ("@run_cache_write_tokens", run?.Usage.CacheWrite ?? 0),
            ("@error", run?.Error is { } error ? Rows.ToJson(error) : null),
        ];
    }

    private static (string Name, object? Value)[] Usage(IReadOnlyList<UsageRow> rows) =>
    [
        ("@usage_ids", Rows.Each(rows, static row => row.Id.ToString())),
        ("@usage_runs", Rows.Each(rows, static row => row.Run.ToString())),
        ("@usage_kinds", Rows.Each(rows, static row => row.Kind)),
        ("@usage_names", Rows.Each(rows, static row => row.Name)),
        ("@usage_input_tokens", Rows.Each(rows, static row => row.Tokens.Input)),
        ("@usage_output_tokens", Rows.Each(rows, static row => row.Tokens.Output)),
        ("@usage_cache_read_tokens", Rows.Each(rows, static row => row.Tokens.CacheRead)),
        ("@usage_cache_write_tokens", Rows.Each(rows, static row => row.Tokens.CacheWrite)),
        ("@usage_at", Rows.Each(rows, static row => Instant.ToNumber(row.At))),
        ("@usage_agents", Rows.Each(rows, static row => row.Agent?.ToString())),
        ("@usage_principals", Rows.Each(rows, static row => row.Principal)),
        ("@usage_reasoning_tokens", Rows.Each(rows, static row => row.Tokens.Reasoning)),
        ("@usage_costs", Rows.Each(rows, static row => row.CostMicros)),
        ("@usage_prices", Rows.Each(rows, static row => row.PriceVersion)),
    ];

    private static (string Name, object? Value)[] Events(RunAppend append) =>
    [
        ("@event_ids", Rows.Each(append.Events, static e => e.Id.ToString())),
        ("@types", Rows.Each(append.Events, EventLog.TypeOf)),
        ("@bodies", Rows.Each(append.Events, static e => Rows.ToJson(e.Body))),
        ("@processed_at", Rows.Each(append.Events, e => Instant.ToNumber(EventLog.ProcessedAt(e, append.At)))),
    ];

    private static long? LastSeq(DbDataReader row) => row.GetInt64(0);
}
