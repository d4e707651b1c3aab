using Microsoft.Extensions.Logging;

namespace Insula.Storage.Postgres.Wakes;

/// <summary>What the line between nodes says in the log; event ids 4000 to 4019.</summary>
internal static partial class WakeLog
{
    [LoggerMessage(4000, LogLevel.Warning, "This node cannot tell the others what changed; they find out by looking. It tries again until it can.")]
    public static partial void NotSent(ILogger log, Exception error);

    [LoggerMessage(4001, LogLevel.Warning, "This node does not hear what others change; it finds out by looking. It tries again until it hears.")]
    public static partial void Deaf(ILogger log, Exception error);

    [LoggerMessage(4002, LogLevel.Information, "This node hears again what others change.")]
    public static partial void HearsAgain(ILogger log);
}
