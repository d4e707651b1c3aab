using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>What a tenant owes for a month: a tenant sees its own statements, the operator any tenant's.</summary>
internal static class StatementEndpoints
{
    public static void MapStatements(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/statements/{month}", ShowAsync).RequireAnyone(Permissions.Read, CallClass.Reads).WithTags("billing")
            .Gives<StatementView>().WithName("show_statement")
            .WithSummary("The statement of a month such as 2027-01; format=csv for lines, format=focus for FOCUS 1.2; tenant=… for the operator");

    private static async Task<IResult> ShowAsync(HttpContext http, string month, ShowStatement show, CancellationToken ct)
    {
        if (Month.Parse(month) is not { } asked) return Answers.Of(Fault.NotFound("statement"));
        var query = http.Request.Query;
        var format = query["format"] is [{ } given] ? given : query.ContainsKey("format") ? "" : "json";
        if (format is not ("json" or "csv" or "focus")) return Answers.Of(Fault.Invalid("format", "format must be json, csv or focus, once."));
        if (http.Caller() is SignedInTenant caller)
        {
            return query.ContainsKey("tenant")
                ? Answers.Of(Fault.Invalid("tenant", "tenant is for operators: a tenant's key always shows its own statements. Leave it out."))
                : Shown(await show.RunAsync(caller.Scope, asked, ct), format);
        }

        if (query["tenant"] is not [{ Length: > 0 } id]) return Answers.Of(Fault.Invalid("tenant", "Say whose statement with tenant, once."));
        return RouteIds.Find<Tenant>(id, "tenant").Failed(out var fault, out var tenant) ? Answers.Of(fault) : Shown(await show.RunAsync(http.OperatorScope(), tenant, asked, ct), format);
    }

    private static IResult Shown(Result<Statement> shown, string format) => Answers.Of(shown, statement => format switch
    {
        "csv" => Results.Text(StatementCsv.Of(statement), "text/csv; charset=utf-8"),
        "focus" => Results.Text(FocusExport.ToCsv(statement), "text/csv; charset=utf-8"),
        _ => Answers.Ok(StatementView.Of(statement)),
    });
}

/// <param name="Final">The month is over and all its usage is in: nothing changes any more.</param>
/// <param name="Lines">By kind and name.</param>
internal sealed record StatementView(
    Id<Tenant> TenantId, string TenantName, string Month, string Currency, bool Final, long TotalMicros, string Total, IReadOnlyList<StatementLineView> Lines)
{
    public static StatementView Of(Statement statement)
    {
        var total = statement.Total.CostMicros;
        return new(
            statement.Tenant.Id,
            statement.Tenant.Name,
            statement.Month.ToString(),
            "USD",
            statement.Final,
            total,
            Insula.Tenancy.Prices.Dollars.Format(total),
            [.. statement.Lines.Select(static line => StatementLineView.Of(line))]);
    }
}

/// <param name="Items">Model calls or tool calls.</param>
/// <param name="Unpriced">How many of them had no price; the cost leaves them out.</param>
internal sealed record StatementLineView(
    string Kind,
    string Name,
    long Items,
    long Unpriced,
    long InputTokens,
    long OutputTokens,
    long CacheReadTokens,
    long CacheWriteTokens,
    long ReasoningTokens,
    long CostMicros)
{
    public static StatementLineView Of(StatementLine line) => new(
        line.Kind,
        line.Name,
        line.Sum.Items,
        line.Sum.Unpriced,
        line.Sum.InputTokens,
        line.Sum.OutputTokens,
        line.Sum.CacheReadTokens,
        line.Sum.CacheWriteTokens,
        line.Sum.ReasoningTokens,
        line.Sum.CostMicros);
}
