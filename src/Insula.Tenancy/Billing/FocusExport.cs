using System.Globalization;
using System.Text.Json;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Usage;

namespace Insula.Tenancy.Billing;

/// <summary>
/// A statement in the form of FOCUS 1.2, for programs that put many providers' costs together: a row for each day, kind and
/// name, with every mandatory column, and what no column stands for under x_.
/// </summary>
public static class FocusExport
{
    private const string Issuer = "Insula";

    private static readonly string[] Head =
    [
        "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription",
        "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
        "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuMeter",
        "SubAccountId", "SubAccountName", "Tags",
        "x_Items", "x_UnpricedItems", "x_InputTokens", "x_OutputTokens", "x_CacheReadTokens", "x_CacheWriteTokens", "x_ReasoningTokens",
    ];

    public static string ToCsv(Statement statement) => Csv.Of([Head, .. statement.Days.Select(day => Row(statement, day))]);

    private static IEnumerable<string> Row(Statement statement, UsageDay day)
    {
        var (tenant, sum, isModel) = (statement.Tenant, day.Sum, day.Kind == "model");
        var cost = Dollars.Format(sum.CostMicros);
        var (quantity, unit) = isModel
            ? (Number(sum.InputTokens + sum.OutputTokens + sum.CacheReadTokens + sum.CacheWriteTokens), "Tokens")
            : (Number(sum.Items), "Requests");
        return
        [
            cost, tenant.Id.ToString(), tenant.Name, "USD", Moment(statement.Month.End), Moment(statement.Month.First), "Usage", "", $"{day.Kind} {day.Name}",
            "Usage-Based", Moment(day.Day.AddDays(1)), Moment(day.Day), quantity, unit, cost, cost, Issuer, cost,
            quantity, unit, Issuer, isModel ? day.Name.Split('/', 2)[0] : Issuer, "AI and Machine Learning", isModel ? "Model inference" : "Agent tools", isModel ? "Generative AI" : "Other (AI and Machine Learning)",
            $"{day.Kind}:{day.Name}", day.Kind,
            tenant.Id.ToString(), tenant.Name, JsonSerializer.Serialize(new Dictionary<string, string> { ["plan"] = tenant.Plan }),
            Number(sum.Items), Number(sum.Unpriced), Number(sum.InputTokens), Number(sum.OutputTokens), Number(sum.CacheReadTokens), Number(sum.CacheWriteTokens), Number(sum.ReasoningTokens),
        ];
    }

    private static string Moment(DateOnly day) => day.ToString("yyyy-MM-dd'T00:00:00Z'", CultureInfo.InvariantCulture);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A statement's lines as comma-separated values, with their sum as the last.</summary>
public static class StatementCsv
{
    private static readonly string[] Head =
    [
        "month", "tenant_id", "kind", "name", "items", "unpriced", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_micros", "cost_usd",
    ];

    public static string Of(Statement statement) =>
        Csv.Of([Head, .. statement.Lines.Select(line => Row(statement, line.Kind, line.Name, line.Sum)), Row(statement, "total", "", statement.Total)]);

    private static IEnumerable<string> Row(Statement statement, string kind, string name, UsageSum sum) =>
    [
        statement.Month.ToString(), statement.Tenant.Id.ToString(), kind, name,
        .. new[] { sum.Items, sum.Unpriced, sum.InputTokens, sum.OutputTokens, sum.CacheReadTokens, sum.CacheWriteTokens, sum.ReasoningTokens, sum.CostMicros }
            .Select(static number => number.ToString(CultureInfo.InvariantCulture)),
        Dollars.Format(sum.CostMicros),
    ];
}
