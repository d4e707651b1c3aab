using Insula.Agents.Runs;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Events;

/// <summary>
/// One entry of a session's append-only log. <see cref="Seq"/> counts from 1 without gaps and is the stream's cursor
/// (<c>Last-Event-ID</c>). Nothing of an entry ever changes but <see cref="ProcessedAt"/> of an input, which goes once
/// from null to the moment a run took it up.
/// </summary>
/// <param name="Epoch">The fencing epoch under which it was appended.</param>
/// <param name="Run">The run that produced it; null for input and for events outside runs.</param>
public sealed record SessionEvent(
    long Seq,
    Id<SessionEvent> Id,
    EventBody Body,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ProcessedAt,
    long Epoch,
    Id<Run>? Run) : IIdentified
{
    public static string IdPrefix => "sevt";
}

/// <summary>An event to append: its id is chosen before, because a preview of it may already have been streamed.</summary>
public sealed record NewEvent(Id<SessionEvent> Id, EventBody Body)
{
    public NewEvent(EventBody body)
        : this(Id<SessionEvent>.New(), body)
    {
    }
}
