using System.Globalization;
using System.Text.Json;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Sessions;

internal static class SessionRules
{
    public static readonly Fault NotFound = Fault.NotFound("session");

    public static readonly Fault Archived = Fault.Conflict("session_archived", "The session is archived: it can be read, and takes no change and no input.");

    /// <summary>Interrupting first makes it the caller's decision that work under way is lost.</summary>
    public static Fault Running(string action) => Fault.Conflict(
        "session_running", $"The session is running and cannot be {action} now. Send a user.interrupt event, wait for session.status_idle, and try again.");

    public static bool IsAtWork(Session session) => session.Status is SessionStatus.Running or SessionStatus.Rescheduling;

    /// <summary>Whether a run is open or queued, waiting ones included.</summary>
    public static bool HasRun(Session session) => IsAtWork(session) || session.PendingInput || session.OpenRun is not null;

    public static Fault? BudgetViolation(SessionBudget? budget) => budget switch
    {
        null => null,
        not { Type: "limit" } => Fault.Invalid("budget.type", "budget.type must be limit."),
        not { MaxListCost.Currency: "USD" } => Fault.Invalid("budget.max_list_cost.currency", "budget.max_list_cost.currency must be USD."),
        _ when !IsAmount(budget.MaxListCost.Amount) => Fault.Invalid(
            "budget.max_list_cost.amount", "budget.max_list_cost.amount must be a whole number of cents above 0 as text, such as \"2500\" for 25.00."),
        _ => null,
    };

    private static bool IsAmount(string amount) =>
        amount.Length is > 0 and <= 15 && amount[0] != '0' && long.TryParse(amount, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}

/// <summary>A ceiling on what a session may spend, as Managed Agents writes it.</summary>
public sealed record SessionBudget(string Type, MonetaryAmount MaxListCost)
{
    internal JsonElement ToJson() => JsonSerializer.SerializeToElement(this, AgentsJson.Options);
}

/// <param name="Amount">In minor units, as an integer without leading zeros: "2500" is 25.00.</param>
/// <param name="Currency">ISO 4217 in upper case.</param>
public sealed record MonetaryAmount(string Amount, string Currency);
