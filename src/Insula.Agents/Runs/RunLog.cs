using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>What the runs say in the log; event ids 3000 to 3099. Never content: sessions are named by id only.</summary>
internal static partial class RunLog
{
    [LoggerMessage(3000, LogLevel.Error, "The work on session {Session} failed for a reason outside its log; it will be tried again.")]
    public static partial void WorkFailed(ILogger log, Exception error, Id<Session> session);

    [LoggerMessage(3001, LogLevel.Warning, "The worker of session {Session} was fenced off: another one has it, or it was deleted.")]
    public static partial void FencedOff(ILogger log, Id<Session> session);

    [LoggerMessage(3002, LogLevel.Warning, "The stop did not wait for {Count} runs; the next start takes them up from their logs.")]
    public static partial void StopCutOff(ILogger log, int count);

    [LoggerMessage(3003, LogLevel.Debug, "Run {Run} of session {Session} ended: {StopReason}.")]
    public static partial void RunEnded(ILogger log, Id<Run> run, Id<Session> session, string stopReason);

    [LoggerMessage(3004, LogLevel.Warning, "A tool failed in session {Session}: {Tool}.")]
    public static partial void ToolFailed(ILogger log, Exception error, Id<Session> session, string tool);

    [LoggerMessage(3005, LogLevel.Error, "The runs of tenant {Tenant} could not be taken up again after it was resumed.")]
    public static partial void ResumeFailed(ILogger log, Exception error, Id<Tenant> tenant);
}
