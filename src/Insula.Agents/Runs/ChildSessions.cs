using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// Sessions that work for a call of another session's run. A child is made once for its call, whatever crashes: its id
/// follows from the call. Its end wakes the parent, and the parent's end interrupts it.
/// </summary>
/// <param name="work">Not there yet when the tools are made, since workers use the tools.</param>
internal sealed class ChildSessions(ITenantStores stores, Lazy<SessionWork> work, ILogger<ChildSessions> log)
{
    public static Id<Session> IdOf(ToolCall call) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"run_agent {call.Session} {call.IdempotencyKey}"))));

    /// <param name="principal">Who began the parent's run, and so this one.</param>
    public async Task<Result<IReadOnlyList<SessionEvent>>> StartAsync(TenantScope scope, Session child, string prompt, string? principal, CancellationToken ct)
    {
        RunLog.AtChild(log, child.Id, ChildPoint.Unmade);
        var started = await work.Value.StartAsync(scope, child, [new NewEvent(new UserMessage([ContentBlock.OfText(prompt)])) { Principal = principal }], ct);
        RunLog.AtChild(log, child.Id, ChildPoint.Made);
        return started;
    }

    /// <summary>
    /// Brings the parent to look at its call. Asked by the child's worker before it gives its queue entry up, so that a crash
    /// in between brings another worker, which asks again; a wake too many is harmless.
    /// </summary>
    public async Task WakeParentAsync(TenantScope scope, ParentCall parent, CancellationToken ct)
    {
        RunLog.AtChild(log, parent.SessionId, ChildPoint.ParentAsleep);
        await work.Value.WakeAsync(scope, parent.SessionId, ct);
        RunLog.AtChild(log, parent.SessionId, ChildPoint.ParentWoken);
    }

    /// <summary>The call has its outcome, which is recorded next.</summary>
    public ToolOutcome Answered(ToolCall call, ToolOutcome outcome)
    {
        RunLog.AtChild(log, call.Session, ChildPoint.Answered);
        return outcome;
    }

    /// <summary>
    /// Interrupts what works for the run. Asked before the run's end is in its log, so that a crash in between brings a
    /// worker that asks again.
    /// </summary>
    public async Task InterruptAsync(TenantScope scope, Id<Session> parent, Id<Run> run, CancellationToken ct)
    {
        List<Id<Session>> open = [];
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            foreach (var child in await store.Sessions.ListChildrenAsync(parent, run, ct))
            {
                if (SessionRules.HasRun(child)) open.Add(child.Id);
            }
        }

        if (open.Count == 0) return;
        RunLog.AtChild(log, parent, ChildPoint.BeforeInterrupt);
        foreach (var child in open) await work.Value.SubmitAsync(scope, child, static _ => (NewEvent[])[new NewEvent(new UserInterrupt())], ct);
        RunLog.AtChild(log, parent, ChildPoint.Interrupted);
    }
}
