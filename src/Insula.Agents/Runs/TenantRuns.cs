using Insula.Tenancy.Access;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// The runs' life on this node: takes up what the queue holds, stops a tenant's runs the moment it is suspended and takes
/// them up when it is resumed. A tenant that was resumed on another node is found in the queue, as all that nobody works on.
/// </summary>
public sealed class TenantRuns(RunDispatcher dispatcher, AccessSignals signals, ILogger<TenantRuns> log)
{
    /// <summary>Runs until the token ends, then stops the runs under way (<see cref="RunDispatcher.RunAsync"/>).</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var subscription = signals.Subscribe(change =>
        {
            if (change is TenantSuspended suspended) dispatcher.Halt(suspended.Tenant);
            if (change is TenantResumed resumed) _ = ResumeAsync(resumed, stopping);
            if (change is TenantTouched touched) _ = HaltIfRefusedAsync(touched, stopping);
        });
        await dispatcher.RunAsync(stopping);
    }

    private async Task HaltIfRefusedAsync(TenantTouched touched, CancellationToken ct)
    {
        try
        {
            await dispatcher.HaltIfRefusedAsync(touched.Tenant, ct);
        }
        catch (Exception) when (!ct.IsCancellationRequested)
        {
            // The next look at the queue asks again, for every tenant that has work here.
        }
    }

    private async Task ResumeAsync(TenantResumed resumed, CancellationToken ct)
    {
        try
        {
            await dispatcher.ResumeAsync(resumed.Tenant, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // The entries stay in the queue: the next input or start takes them up.
            RunLog.ResumeFailed(log, e, resumed.Tenant);
        }
    }
}
