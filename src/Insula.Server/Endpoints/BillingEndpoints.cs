using Insula.Server.Http;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>Whom a tenant's costs are reported for, as the operator says.</summary>
internal static class BillingEndpoints
{
    public static void MapBilling(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/v1/tenants/{id}/billing", ShowAsync).RequireOperator().WithTags("billing")
            .Gives<BillingView>().WithName("show_billing").WithSummary("Show which customer of the billing provider a tenant is");
        routes.MapPut("/api/v1/tenants/{id}/billing", SetAsync).RequireOperator().WithTags("billing")
            .Takes<SetBillingRequest>().Gives<BillingView>().WithName("set_billing").WithSummary("Say which customer a tenant is; costs from then on are reported as meter events");
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, SetCustomer billing, CancellationToken ct) => RouteIds.Find<Tenant>(id, "tenant").Failed(out var fault, out var tenant)
        ? Answers.Of(fault)
        : Answers.Of(await billing.ShowAsync(http.OperatorScope(), tenant, ct), static standing => Answers.Ok(new BillingView(standing.Customer)));

    private static async Task<IResult> SetAsync(HttpContext http, string id, SetCustomer billing, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, "tenant").Failed(out var fault, out var tenant)) return Answers.Of(fault);
        if ((await http.ReadBodyAsync<SetBillingRequest>(ApiJson.Options, ct)).Failed(out fault, out var body)) return Answers.Of(fault);
        return Answers.Of(await billing.RunAsync(http.OperatorScope(), tenant, body.StripeCustomer, ct), _ => Answers.Ok(new BillingView(body.StripeCustomer)));
    }
}

/// <param name="StripeCustomer">A customer's id, cus_…; null to report nothing.</param>
internal sealed record SetBillingRequest(string? StripeCustomer);

/// <param name="StripeCustomer">Null when costs are reported to nobody.</param>
internal sealed record BillingView(string? StripeCustomer);
