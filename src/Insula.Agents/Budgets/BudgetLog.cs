using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Budgets;

/// <summary>What budgets say in the log; event ids 3250 to 3299.</summary>
internal static partial class BudgetLog
{
    [LoggerMessage(3250, LogLevel.Warning, "Money held for a step of tenant {Tenant} could not be given back; it is when the hold ends by itself.")]
    public static partial void ReleaseFailed(ILogger log, Exception error, Id<Tenant> tenant);

    [LoggerMessage(3251, LogLevel.Warning, "This node cannot renew the money held for its steps, or cannot see what others left; it tries again until it can.")]
    public static partial void LookFailed(ILogger log, Exception error);

    [LoggerMessage(3252, LogLevel.Warning, "Money held for a model call of tenant {Tenant} that is known to cost less could not be given back yet; it is when the call ends.")]
    public static partial void LowerFailed(ILogger log, Exception error, Id<Tenant> tenant);
}
