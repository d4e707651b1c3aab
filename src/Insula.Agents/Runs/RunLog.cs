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

    [LoggerMessage(3004, LogLevel.Warning, "A tool failed in session {Session}: {Tool}.")]
    public static partial void ToolFailed(ILogger log, Exception error, Id<Session> session, string tool);

    [LoggerMessage(3005, LogLevel.Error, "The runs of tenant {Tenant} could not be taken up again after it was resumed.")]
    public static partial void ResumeFailed(ILogger log, Exception error, Id<Tenant> tenant);

    [LoggerMessage(3006, LogLevel.Warning, "This node lost its lease on session {Session}: it could not renew it in time, or another node has it. The run goes on from its log.")]
    public static partial void LeaseLost(ILogger log, Id<Session> session);

    [LoggerMessage(3007, LogLevel.Warning, "The leases of {Count} sessions could not be renewed; their runs stop here unless the store answers soon.")]
    public static partial void RenewalFailed(ILogger log, Exception error, int count);

    [LoggerMessage(3008, LogLevel.Debug, "The lease on session {Session} was not given back; it ends by itself.")]
    public static partial void ReleaseFailed(ILogger log, Exception error, Id<Session> session);

    [LoggerMessage(3009, LogLevel.Warning, "The queue of runs cannot be read; this node tries again until it can.")]
    public static partial void WatchFailed(ILogger log, Exception error);

    [LoggerMessage(3011, LogLevel.Debug, "This node could not ask the queue of runs for work; it asks again within a second.")]
    public static partial void PullFailed(ILogger log, Exception error);

    /// <summary>Where a run stands between its records: what a crash at this moment leaves.</summary>
    [LoggerMessage(3020, LogLevel.Trace, "Session {Session}: {Point}.")]
    public static partial void At(ILogger log, Id<Session> session, RunPoint point);

    /// <summary>Where the work of an agent for another one stands, of the session that it is about.</summary>
    [LoggerMessage(3021, LogLevel.Trace, "Session {Session}: {Point}.")]
    public static partial void AtChild(ILogger log, Id<Session> session, ChildPoint point);

    [LoggerMessage(3010, LogLevel.Warning, "The work on session {Session} waits for its store, which is away; it goes on by itself.")]
    public static partial void StoreAway(ILogger log, Exception error, Id<Session> session);
}
