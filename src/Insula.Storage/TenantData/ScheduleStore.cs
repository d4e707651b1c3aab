using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

internal sealed class ScheduleStore(Database database, string tenant) : IScheduleStore
{
    public Task<bool> AddAsync(Schedule schedule, int schedulesMax, CancellationToken ct) => database.WriteAsync(
        async link =>
        {
            link.Alone($"schedules {tenant}");
            if (await link.FirstAsync(ScheduleSql.Count, static row => row.GetInt64(0), ("@tenant_id", tenant)) >= schedulesMax) return false;
            link.Post(ScheduleSql.Insert, [.. Written(schedule), ("@created_at", Instant.ToNumber(schedule.CreatedAt))]);
            return true;
        },
        ct);

    public Task<Schedule?> FindAsync(Id<Schedule> id, CancellationToken ct) => database.FirstAsync(ScheduleSql.Find, Read, ct, Key(id));

    public async Task<Page<Schedule>> ListAsync(ScheduleFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"schedules {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await database.AllAsync(
            ScheduleSql.List,
            Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@enabled", filter.Enabled is { } enabled ? enabled ? 1 : 0 : Null.Int),
            ("@agent_id", filter.AgentId?.ToString()),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public Task<Result<Schedule>?> UpdateAsync(Id<Schedule> id, Func<Schedule, Result<Schedule>> change, CancellationToken ct) => database.WriteAsync<Result<Schedule>?>(
        async link =>
        {
            if (await HoldAsync(link, id) is not { } current) return null;
            if (change(current).Failed(out var fault, out var changed)) return fault;
            link.Post(ScheduleSql.Update, Written(changed));
            return changed;
        },
        ct);

    public async Task<bool> RemoveAsync(Id<Schedule> id, CancellationToken ct) => await database.ChangeAsync(ScheduleSql.Delete, ct, Key(id)) > 0;

    public Task<bool> SettleAsync(Schedule seen, FiringLines lines, DateTimeOffset keepFrom, int keepMax, CancellationToken ct) => database.WriteAsync(
        async link =>
        {
            // Whoever changed what is due moved this on, or paused it: then the lines answer another question.
            if (await HoldAsync(link, seen.Id) is not { } current || current.SettledUntil != seen.SettledUntil || current.PausedAt != seen.PausedAt) return false;
            foreach (var line in lines.Lines) Put(link, line);
            link.Post(ScheduleSql.MoveOn, [.. Key(seen.Id), ("@settled_until", Instant.ToNumber(lines.SettledUntil))]);
            link.Post(ScheduleSql.Trim, [.. Key(seen.Id), ("@keep_from", Instant.ToNumber(keepFrom)), ("@keep_max", keepMax - 1)]);
            return true;
        },
        ct);

    public Task<bool> AddFiringAsync(Firing firing, CancellationToken ct) => database.WriteAsync(
        async link =>
        {
            if (await HoldAsync(link, firing.Schedule) is null) return false;
            Put(link, firing);
            return true;
        },
        ct);

    public async Task<IReadOnlyList<Firing>> ListPendingAsync(Id<Schedule> id, int limit, CancellationToken ct) =>
        await database.AllAsync(ScheduleSql.Pending, ReadFiring, ct, [.. Key(id), ("@limit", limit)]);

    public async Task<bool> BeginAsync(Id<Firing> firing, Id<Session> session, CancellationToken ct) =>
        await database.ChangeAsync(ScheduleSql.Begin, ct, ("@tenant_id", tenant), ("@firing_id", firing.ToString()), ("@session_id", session.ToString())) > 0;

    public async Task<bool> FinishAsync(Firing firing, Id<SessionEvent>? sent, CancellationToken ct) => await database.ChangeAsync(
        ScheduleSql.Finish,
        ct,
        ("@tenant_id", tenant),
        ("@firing_id", firing.Id.ToString()),
        ("@outcome", Rows.ToName(firing.Outcome)),
        ("@reason", firing.Reason),
        ("@settled_at", Instant.ToValue(firing.SettledAt)),
        ("@session_id", firing.Session?.ToString()),
        ("@event_id", sent?.ToString())) > 0;

    public Task<Firing?> FindOpenAsync(Id<Schedule> id, CancellationToken ct) => database.FirstAsync(ScheduleSql.Open, ReadFiring, ct, Key(id));

    public async Task<bool> WasSentAsync(Id<SessionEvent> sent, CancellationToken ct) =>
        await database.FirstAsync(ScheduleSql.Sent, static _ => true, ct, ("@tenant_id", tenant), ("@event_id", sent.ToString()));

    public async Task<Page<Firing>> ListFiringsAsync(Id<Schedule> id, FiringOutcome? outcome, PageRequest page, CancellationToken ct)
    {
        var list = $"firings {tenant} {id}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await database.AllAsync(
            ScheduleSql.History,
            ReadFiring,
            ct,
            [.. Key(id), ("@after_at", after.At), ("@after_id", after.Id), ("@outcome", outcome is { } only ? Rows.ToName(only) : null), ("@limit", page.Limit + 1)]);
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.ScheduledFor), last.Id.ToString()).ToText(list));
    }

    private ValueTask<Schedule?> HoldAsync(Link link, Id<Schedule> id) => link.LockAsync(ScheduleSql.Find, Read, Key(id));

    private (string Name, object? Value)[] Key(Id<Schedule> id) => [("@tenant_id", tenant), ("@schedule_id", id.ToString())];

    private (string Name, object? Value)[] Written(Schedule schedule) =>
    [
        .. Key(schedule.Id),
        ("@definition", Rows.ToJson(schedule.Definition)),
        ("@paused_at", Instant.ToValue(schedule.PausedAt)),
        ("@settled_until", Instant.ToNumber(schedule.SettledUntil)),
        ("@updated_at", Instant.ToNumber(schedule.UpdatedAt)),
        ("@agent_id", schedule.Definition.AgentId?.ToString()),
    ];

    private void Put(Link link, Firing line) => link.Post(
        ScheduleSql.PutFiring,
        ("@tenant_id", tenant),
        ("@firing_id", line.Id.ToString()),
        ("@schedule_id", line.Schedule.ToString()),
        ("@scheduled_for", Instant.ToNumber(line.ScheduledFor)),
        ("@since", Instant.ToNumber(line.Since)),
        ("@moments", line.Moments),
        ("@is_manual", line.IsManual),
        ("@outcome", Rows.ToName(line.Outcome)),
        ("@reason", line.Reason),
        ("@settled_at", Instant.ToValue(line.SettledAt)));

    private static Schedule Read(DbDataReader row) =>
        new(row.Id<Schedule>(0), row.Json<ScheduleDefinition>(1), row.MomentOrNull(2), row.Moment(3), row.Moment(4), row.Moment(5));

    private static Firing ReadFiring(DbDataReader row) => new(
        row.Id<Firing>(0),
        row.Id<Schedule>(1),
        row.Moment(2),
        row.Moment(3),
        row.GetInt64(4),
        row.GetBoolean(5),
        row.Name<FiringOutcome>(6),
        row.TextOrNull(7),
        row.MomentOrNull(8),
        row.IsDBNull(9) ? null : row.Id<Session>(9),
        row.IsDBNull(10) ? null : row.Id<Run>(10));
}
