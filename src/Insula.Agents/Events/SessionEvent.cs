using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Events;

/// <summary>
/// One entry of a session's append-only log. <see cref="Seq"/> counts from 1 without gaps and is the stream's cursor
/// (<c>Last-Event-ID</c>). Nothing of an entry ever changes but <see cref="ProcessedAt"/> and <see cref="Run"/> of
/// an input, which go once from null to the moment and the run that took it up.
/// </summary>
/// <param name="Epoch">The fencing epoch under which it was appended.</param>
/// <param name="Run">The run that produced it, or that took up this input; null for input not taken up and for events outside runs.</param>
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

    /// <summary>Who sent it, of an input: <c>key:key_…</c>, <c>schedule:sched_…</c>. What its run uses is counted under that.</summary>
    public string? Principal { get; init; }
}

/// <summary>An event to append: its id is chosen before, because a preview of it may already have been streamed.</summary>
public sealed record NewEvent(Id<SessionEvent> Id, EventBody Body)
{
    public NewEvent(EventBody body)
        : this(Id<SessionEvent>.New(), body)
    {
    }

    /// <summary>Who sends it; null for what nobody sent.</summary>
    public string? Principal { get; init; }

    /// <summary>The same as sent by the scope's principal, unless it says already for whom it is sent.</summary>
    internal NewEvent By(TenantScope scope) => Principal is null ? this with { Principal = scope.Principal.ToString() } : this;
}
