using Insula.Agents.Schedules;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class ScheduleAlarms(ControlDatabase control, TimeProvider time) : IScheduleAlarms
{
    public Task WakeAsync(Id<Tenant> tenant, Id<Schedule> schedule, DateTimeOffset at, CancellationToken ct) => control.For(tenant).ChangeAsync(
        ScheduleAlarmSql.Wake, ct, ("@tenant_id", tenant.ToString()), ("@schedule_id", schedule.ToString()), ("@due_at", Instant.ToNumber(at)));

    public async Task<IReadOnlyList<ScheduleAlarm>> ListDueAsync(TimeSpan length, int limit, CancellationToken ct) => await control.Platform.ReadAsync(
        link => link.AllAsync(
            link.Dialect == Dialect.Sqlite ? ScheduleAlarmSql.DueSqlite : ScheduleAlarmSql.DuePostgres,
            static row => new ScheduleAlarm(row.Id<Tenant>(0), row.Id<Schedule>(1)),
            AtNow(link, [("@length", length.Ticks), ("@limit", limit)])),
        ct);

    public Task<HeldAlarm?> TryTakeAsync(ScheduleAlarm alarm, Id<Node> node, TimeSpan length, CancellationToken ct) => control.For(alarm.Tenant).WriteAsync(
        link => link.FirstAsync(
            link.Dialect == Dialect.Sqlite ? ScheduleAlarmSql.TakeSqlite : ScheduleAlarmSql.TakePostgres,
            row => new HeldAlarm(alarm, row.GetInt64(0), row.Moment(1)),
            AtNow(link, [.. Of(alarm), ("@node", node.ToString()), ("@length", length.Ticks)])),
        ct);

    public Task SettleAsync(HeldAlarm held, Id<Node> node, DateTimeOffset? next, CancellationToken ct) => control.For(held.Alarm.Tenant).WriteAsync(
        link =>
        {
            (string, object?)[] mine = [.. Of(held.Alarm), ("@node", node.ToString())];
            if (next is { } at) link.Post(ScheduleAlarmSql.Settle, [.. mine, ("@mark", held.Mark), ("@due_at", Instant.ToNumber(at))]);
            else link.Post(ScheduleAlarmSql.Remove, [.. mine, ("@mark", held.Mark)]);

            // Still held: it was woken meanwhile.
            link.Post(ScheduleAlarmSql.Release, mine);
            return ValueTask.CompletedTask;
        },
        ct);

    private static (string Name, object? Value)[] Of(ScheduleAlarm alarm) => [("@tenant_id", alarm.Tenant.ToString()), ("@schedule_id", alarm.Schedule.ToString())];

    /// <summary>With the program's time, where the engine has no clock of its own.</summary>
    private (string Name, object? Value)[] AtNow(Link link, (string Name, object? Value)[] values) =>
        link.Dialect == Dialect.Sqlite ? [.. values, ("@now", Instant.ToNumber(time.GetUtcNow()))] : values;
}
