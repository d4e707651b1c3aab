using Insula.Agents.Events;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>What a watcher of a session sees.</summary>
public abstract record FeedItem;

/// <summary>An event that is durable in the log.</summary>
public sealed record LoggedEvent(SessionEvent Event) : FeedItem;

/// <summary>An event of this type is being produced; it will carry this id if it comes to be.</summary>
public sealed record MessageStarted(Id<SessionEvent> Id, string Type) : FeedItem;

/// <summary>More text of the event that <see cref="MessageStarted"/> announced.</summary>
public sealed record MessageDelta(Id<SessionEvent> Id, int Index, string Text) : FeedItem;

/// <summary>The session was deleted; the last item.</summary>
public sealed record SessionGone : FeedItem;
