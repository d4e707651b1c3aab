using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Schedules;

/// <summary>What the schedules say in the log; event ids 3200 to 3219.</summary>
internal static partial class ScheduleLog
{
    [LoggerMessage(3200, LogLevel.Warning, "The schedules that are due cannot be read; this node tries again until it can.")]
    public static partial void WatchFailed(ILogger log, Exception error);

    [LoggerMessage(3201, LogLevel.Error, "The look at schedule {Schedule} failed; it will be made again.")]
    public static partial void LookFailed(ILogger log, Exception error, Id<Schedule> schedule);

    /// <summary>Where a firing stands: what a crash at this moment leaves.</summary>
    [LoggerMessage(3210, LogLevel.Trace, "Schedule {Schedule}: {Point}.")]
    public static partial void At(ILogger log, Id<Schedule> schedule, SchedulePoint point);
}
