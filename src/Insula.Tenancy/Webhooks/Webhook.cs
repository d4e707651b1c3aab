using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Webhooks;

/// <summary>An address of a tenant's that is told of events.</summary>
/// <param name="Events">Names of <see cref="WebhookEvents"/>.</param>
/// <param name="PepperVersion">Its secret follows from the pepper of this version and its id, so no store holds it.</param>
/// <param name="FailingSince">Since when every delivery failed; null when the last one did not.</param>
/// <param name="DisabledAt">Nothing is sent to it from then on.</param>
public sealed record Webhook(
    Id<Webhook> Id,
    Id<Tenant> Tenant,
    string Url,
    IReadOnlyList<string> Events,
    int PepperVersion,
    DateTimeOffset CreatedAt,
    DateTimeOffset? FailingSince,
    DateTimeOffset? DisabledAt) : IIdentified
{
    public static string IdPrefix => "whk";
}

public static class WebhookEvents
{
    public const string BudgetThreshold = "budget.threshold";

    public const string BudgetExhausted = "budget.exhausted";

    public const string QuotaThreshold = "quota.threshold";

    public const string RunEnded = "run.ended";

    public const string StatementReady = "statement.ready";

    public static IReadOnlyList<string> All { get; } = [BudgetThreshold, BudgetExhausted, QuotaThreshold, RunEnded, StatementReady];
}

/// <summary>What became of an event for one webhook. Kept for 40 days.</summary>
/// <param name="Event">Null when it was put by a program that did not note it.</param>
/// <param name="Error">Why the last attempt that failed did; null when none did.</param>
/// <param name="NextAt">When it is tried next, if its webhook is in force; null when it arrived.</param>
public sealed record DeliveryStanding(string Id, string? Event, DateTimeOffset CreatedAt, int Attempts, string? Error, DateTimeOffset? ArrivedAt, DateTimeOffset? NextAt);

/// <summary>One event on its way to one address. Its id is the message's: the same at every attempt.</summary>
/// <param name="Attempts">Before this one.</param>
public sealed record Delivery(Webhook Webhook, string Id, string Body, int Attempts, DateTimeOffset DueAt);
