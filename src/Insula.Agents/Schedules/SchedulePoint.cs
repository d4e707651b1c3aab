namespace Insula.Agents.Schedules;

/// <summary>The moments of a firing between which something becomes durable, as the log names them at trace level.</summary>
internal enum SchedulePoint
{
    /// <summary>It has its line in the history, and nothing is sent.</summary>
    BeforeSent,

    /// <summary>It is sent, and its line does not say so.</summary>
    AfterSent,

    /// <summary>Its line says what became of it, and the alarm is still held.</summary>
    AfterLine,
}
