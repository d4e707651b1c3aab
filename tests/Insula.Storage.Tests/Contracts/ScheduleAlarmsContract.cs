using Insula.Agents.Schedules;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What the control store promises of alarms, by its own clock.</summary>
public abstract class ScheduleAlarmsContract : IAsyncLifetime
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(30);
    private static readonly Id<Node> A = Id<Node>.New();
    private static readonly Id<Node> B = Id<Node>.New();

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected IServiceProvider Stores { get; private set; } = null!;

    private IScheduleAlarms Alarms => Stores.GetRequiredService<IScheduleAlarms>();

    /// <summary>The time by the store's clock, about.</summary>
    protected abstract DateTimeOffset Now { get; }

    public async ValueTask InitializeAsync() => Stores = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task An_alarm_is_due_at_the_earliest_time_that_it_was_woken_for()
    {
        var alarm = NewAlarm();
        await Alarms.WakeAsync(alarm.Tenant, alarm.Schedule, Now.AddHours(1), Ct);
        Assert.Empty(await DueAsync(alarm));
        Assert.Null(await Alarms.TryTakeAsync(alarm, A, Length, Ct));
        await Alarms.WakeAsync(alarm.Tenant, alarm.Schedule, Now.AddMinutes(-1), Ct);
        await Alarms.WakeAsync(alarm.Tenant, alarm.Schedule, Now.AddHours(2), Ct);
        Assert.Equal([alarm], await DueAsync(alarm));

        var held = (await Alarms.TryTakeAsync(alarm, A, Length, Ct))!;
        Assert.InRange(held.Now, Now.AddMinutes(-1), Now.AddMinutes(1));
        await Alarms.SettleAsync(held, A, Now.AddHours(1), Ct);
        Assert.Empty(await DueAsync(alarm));
    }

    [Fact]
    public async Task One_node_at_a_time_holds_an_alarm()
    {
        var alarm = await DueAlarmAsync();
        var taken = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Alarms.TryTakeAsync(alarm, i % 2 == 0 ? A : B, Length, Ct)));
        var held = Assert.Single(taken, static it => it is not null)!;
        Assert.Empty(await DueAsync(alarm));
        var holder = taken.Index().Single(static it => it.Item is not null).Index % 2 == 0 ? A : B;

        await Alarms.SettleAsync(held, holder == A ? B : A, next: null, Ct);
        Assert.Empty(await DueAsync(alarm));
        await Alarms.SettleAsync(held, holder, Now.AddMinutes(-5), Ct);
        Assert.Equal([alarm], await DueAsync(alarm));
    }

    [Fact]
    public async Task A_lease_ends_by_itself_and_one_from_before_the_clock_was_set_back_counts_for_nothing()
    {
        var alarm = await DueAlarmAsync();
        Assert.NotNull(await Alarms.TryTakeAsync(alarm, A, TimeSpan.Zero, Ct));
        var late = (await Alarms.TryTakeAsync(alarm, B, TimeSpan.FromHours(1), Ct))!;
        Assert.Null(await Alarms.TryTakeAsync(alarm, A, TimeSpan.FromHours(2), Ct));
        Assert.Equal([alarm], await DueAsync(alarm));
        var held = (await Alarms.TryTakeAsync(alarm, A, Length, Ct))!;
        await Alarms.SettleAsync(late, B, next: null, Ct);
        await Alarms.SettleAsync(held, A, next: null, Ct);
        Assert.Null(await Alarms.TryTakeAsync(alarm, A, Length, Ct));
    }

    [Fact]
    public async Task An_alarm_that_was_woken_while_it_was_held_stays_due()
    {
        foreach (var next in new DateTimeOffset?[] { null, Now.AddHours(1) })
        {
            var alarm = await DueAlarmAsync();
            var held = (await Alarms.TryTakeAsync(alarm, A, Length, Ct))!;
            await Alarms.WakeAsync(alarm.Tenant, alarm.Schedule, Now.AddMinutes(1), Ct);
            await Alarms.SettleAsync(held, A, next, Ct);
            Assert.Equal([alarm], await DueAsync(alarm));
        }
    }

    [Fact]
    public async Task Alarms_of_a_suspended_tenant_are_not_listed()
    {
        var alarm = await DueAlarmAsync();
        var directory = Stores.GetRequiredService<ITenantDirectory>();
        var tenant = new Tenant(alarm.Tenant, "t", null, "pro", Placement.File, "main", TenantStatus.Suspended, LimitOverrides.None, Now, Now, Now, "why");
        await directory.AddAsync(tenant, null, new AuditRecord(tenant.Id, new Principal("operator", "test"), "tenant.create", "t", null, Now), Ct);
        Assert.Empty(await DueAsync(alarm));
        var active = tenant with { Status = TenantStatus.Active, UpdatedAt = Now.AddSeconds(1) };
        var found = (await directory.FindAsync(tenant.Id, Ct))!;
        Assert.True(await directory.ReplaceAsync(found, active, new AuditRecord(tenant.Id, new Principal("operator", "test"), "tenant.resume", "t", null, Now), Ct));
        Assert.Equal([alarm], await DueAsync(alarm));
    }

    private static ScheduleAlarm NewAlarm() => new(Id<Tenant>.New(), Id<Schedule>.New());

    private async Task<ScheduleAlarm> DueAlarmAsync()
    {
        var alarm = NewAlarm();
        await Alarms.WakeAsync(alarm.Tenant, alarm.Schedule, Now.AddMinutes(-2), Ct);
        return alarm;
    }

    /// <summary>Whether the alarm is due, as the list that has it or not.</summary>
    private async Task<IEnumerable<ScheduleAlarm>> DueAsync(ScheduleAlarm alarm) => (await Alarms.ListDueAsync(Length, 1000, Ct)).Where(due => due == alarm);
}
