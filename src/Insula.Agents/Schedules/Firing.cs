using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

public enum FiringOutcome
{
    /// <summary>Taken up and not carried out yet: it waits for its turn.</summary>
    Pending,
    Fired,
    SkippedOverlap,
    SkippedMissed,
    Failed,
}

/// <summary>
/// One line of a schedule's history: a moment and what became of it. Moments that were skipped together because they were
/// missed share a line. All ids follow from the schedule and the moment, so that whoever carries it out a second time after
/// a crash meets what the first one made.
/// </summary>
/// <param name="ScheduledFor">The moment; of several the newest.</param>
/// <param name="Since">Of several moments the oldest; else as <paramref name="ScheduledFor"/>.</param>
/// <param name="Moments">How many moments the line stands for.</param>
/// <param name="IsManual">Whether somebody asked for it, rather than the clock.</param>
/// <param name="Reason">Why it was skipped or failed, for people; null when it fired.</param>
/// <param name="SettledAt">When the outcome was found; null while it is pending.</param>
/// <param name="Session">Where it was sent, or while it is pending where somebody is about to send it; else null.</param>
/// <param name="Run">The run that took up what was sent; null until one has. Read from the session's log, never written here.</param>
public sealed record Firing(
    Id<Firing> Id,
    Id<Schedule> Schedule,
    DateTimeOffset ScheduledFor,
    DateTimeOffset Since,
    long Moments,
    bool IsManual,
    FiringOutcome Outcome,
    string? Reason,
    DateTimeOffset? SettledAt,
    Id<Session>? Session,
    Id<Run>? Run) : IIdentified
{
    public static string IdPrefix => "firing";

    /// <summary>The session that this firing makes, when it makes one.</summary>
    internal Id<Session> OwnSession => new(Derive($"session {Id}"));

    internal static Firing At(Id<Schedule> schedule, DateTimeOffset moment) => new(
        new Id<Firing>(Derive($"firing {schedule} {moment.UtcTicks}")), schedule, moment, moment, 1, IsManual: false, FiringOutcome.Pending, null, null, null, null);

    internal static Firing ByHand(Id<Schedule> schedule, DateTimeOffset now) => At(schedule, now) with { Id = Id<Firing>.New(), IsManual = true };

    /// <summary>The line for moments that were missed together.</summary>
    internal static Firing Missed(Id<Schedule> schedule, IReadOnlyList<DateTimeOffset> moments, DateTimeOffset now) => At(schedule, moments[^1]) with
    {
        Since = moments[0],
        Moments = moments.Count,
        Outcome = FiringOutcome.SkippedMissed,
        Reason = moments.Count == 1
            ? "Nobody could fire it in time, and the schedule's policy for missed moments lets it go."
            : $"Nobody could fire these {moments.Count} moments in time, and the schedule's policy for missed moments lets them go.",
        SettledAt = now,
    };

    /// <summary>The id of the <paramref name="index"/>-th event that this firing sends.</summary>
    internal Id<SessionEvent> EventId(int index) => new(Derive($"event {Id} {index}"));

    private static UInt128 Derive(string text) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
