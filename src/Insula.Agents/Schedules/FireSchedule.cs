using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Schedules;

/// <summary>
/// Looks at one schedule: writes down what became due, then carries out what is pending. Every step may be done twice. A moment
/// gets its line in the transaction that moves the schedule on; that it fires is noted before it is sent, and what it sends
/// has ids that follow from the moment; and a line gets its outcome once. So a crash between any two steps, or two nodes at once, lose and double nothing.
/// </summary>
internal sealed class FireSchedule(ITenantStores stores, CreateSession create, SendEvents send, ScheduleMetrics metrics, TimeProvider time, ILogger<FireSchedule> log)
{
    internal const int LinesMax = 1000;

    internal static readonly TimeSpan LineAgeMax = TimeSpan.FromDays(90);

    /// <summary>Firings that wait for an earlier run under <see cref="OverlapPolicy.Queue"/>; further ones are skipped.</summary>
    internal const int WaitingMax = 10;

    private const string ScheduleKey = "insula_schedule";

    /// <summary>When to look again; null when there is nothing more to come.</summary>
    /// <param name="now">The time that moments are compared with.</param>
    public async Task<DateTimeOffset?> LookAsync(ScheduleAlarm alarm, DateTimeOffset now, CancellationToken ct)
    {
        var scope = SystemTask.Schedule.For(alarm.Tenant);
        if (await SettleAsync(scope, alarm, now, ct) is not { } schedule) return null;

        var waits = await CarryOutAsync(scope, schedule, now, ct);
        var next = schedule.PausedAt is null ? schedule.NextAfter(CronTimes.Of(schedule.Definition), schedule.SettledUntil) : null;
        return waits < next || next is null ? waits ?? next : next;
    }

    /// <summary>Gives each due moment its line. The schedule as it stands afterwards; null when it is gone.</summary>
    private async Task<Schedule?> SettleAsync(TenantScope scope, ScheduleAlarm alarm, DateTimeOffset now, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        while (await store.Schedules.FindAsync(alarm.Schedule, ct) is { } schedule)
        {
            var plan = FiringPlan.Of(schedule, CronTimes.Of(schedule.Definition), now);
            if (plan.Lines.Count == 0) return schedule;

            // Somebody moved the schedule on, or changed it: what is due is another question then.
            if (!await store.Schedules.SettleAsync(schedule, new FiringLines(plan.Lines, plan.SettledUntil), now - LineAgeMax, LinesMax, ct)) continue;
            foreach (var line in plan.Lines) metrics.Settled(line);
        }

        return null;
    }

    /// <summary>When to look again at firings that wait; null when none does.</summary>
    private async Task<DateTimeOffset?> CarryOutAsync(TenantScope scope, Schedule schedule, DateTimeOffset now, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        DateTimeOffset? again = null;
        var waiting = 0;
        foreach (var firing in await store.Schedules.ListPendingAsync(schedule.Id, LinesMax, ct))
        {
            var open = await store.Schedules.FindOpenAsync(schedule.Id, ct);

            // What somebody has begun is not for the policy any more: it may be sent already.
            var overlaps = open is not null && firing.Session is null;
            if (overlaps && schedule.Definition.Overlap == OverlapPolicy.Queue && waiting < WaitingMax)
            {
                waiting++;
                again ??= now + TimeSpan.FromSeconds(Math.Clamp((now - firing.ScheduledFor).TotalSeconds / 10, 1, 60));
                continue;
            }

            var fires = !overlaps || schedule.Definition.Overlap == OverlapPolicy.Interrupt;
            if (fires && !await store.Schedules.BeginAsync(firing.Id, schedule.Definition.SessionId ?? firing.OwnSession, ct)) continue;
            var done = fires ? await FireAsync(scope, schedule.Definition, firing, open, ct) : Skipped(firing, open!, schedule.Definition.Overlap);
            done = done with { SettledAt = time.GetUtcNow() };
            if (await store.Schedules.FinishAsync(done, done.Outcome == FiringOutcome.Fired ? firing.EventId(0) : null, ct)) metrics.Settled(done);
            else again ??= now + TimeSpan.FromSeconds(1);
            ScheduleLog.At(log, schedule.Id, SchedulePoint.AfterLine);
        }

        return again;
    }

    private static Firing Skipped(Firing firing, Firing open, OverlapPolicy policy) => firing with
    {
        Outcome = FiringOutcome.SkippedOverlap,
        Reason = policy == OverlapPolicy.Queue
            ? $"{WaitingMax} firings wait already for a run that is still open."
            : $"The run of {open.ScheduledFor:yyyy-MM-dd HH:mm:ss}Z is still open, and the schedule's policy for overlaps is skip.",
    };

    private async Task<Firing> FireAsync(TenantScope scope, ScheduleDefinition definition, Firing firing, Firing? open, CancellationToken ct)
    {
        var messages = definition.Messages.Select((message, i) => new NewEvent(firing.EventId(i), message) { Principal = $"schedule:{firing.Schedule}" }).ToList();
        ScheduleLog.At(log, firing.Schedule, SchedulePoint.BeforeSent);
        var sent = definition.SessionId is { } session
            ? await SendAsync(scope, session, messages, firing, interrupts: open is not null, ct)
            : await CreateAsync(scope, definition, messages, firing, open, ct);
        ScheduleLog.At(log, firing.Schedule, SchedulePoint.AfterSent);
        if (!sent.Failed(out var fault, out var where)) return firing with { Outcome = FiringOutcome.Fired, Session = where };

        // What passes by itself is tried again; what does not is the firing's outcome.
        if (fault.Kind is FaultKind.Unavailable or FaultKind.Throttled) throw new FaultException(fault);
        return firing with { Outcome = FiringOutcome.Failed, Session = null, Reason = $"{fault.Code}: {fault.Message}" };
    }

    private async Task<Result<Id<Session>>> SendAsync(
        TenantScope scope, Id<Session> session, List<NewEvent> messages, Firing firing, bool interrupts, CancellationToken ct)
    {
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (await store.Schedules.WasSentAsync(messages[0].Id, ct)) return session;
        }

        NewEvent[] first = interrupts ? [new NewEvent(firing.EventId(messages.Count), new UserInterrupt())] : [];
        return (await send.SendChosenAsync(scope, session, [.. first, .. messages], ct)).Failed(out var fault, out _) ? fault : session;
    }

    private async Task<Result<Id<Session>>> CreateAsync(
        TenantScope scope, ScheduleDefinition definition, List<NewEvent> messages, Firing firing, Firing? open, CancellationToken ct)
    {
        // The session of the earlier run may have ended or gone meanwhile: then there is nothing to interrupt.
        if (open?.Session is { } busy) _ = await send.SendChosenAsync(scope, busy, [new NewEvent(new UserInterrupt())], ct);

        var metadata = new Dictionary<string, string>(definition.Metadata);
        if (metadata.Count < Check.MetadataPairsMax) metadata.TryAdd(ScheduleKey, firing.Schedule.ToString());
        var session = new SessionDefinition(
            new AgentChoice(definition.AgentId!.Value, Version: null, Overrides: null), definition.EnvironmentId!.Value, definition.Name, metadata, Budget: null, definition.Messages);
        return (await create.CreateChosenAsync(scope, session, firing.OwnSession, messages, ct)).Failed(out var fault, out var made) ? fault : made.Id;
    }
}
