using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>The plans: anyone signed in may look, the operator sets them.</summary>
internal static class PlanEndpoints
{
    public static void MapPlans(this IEndpointRouteBuilder routes)
    {
        var plans = routes.MapGroup("/api/v1/plans").WithTags("plans");
        plans.MapGet("", List).RequireAnyone(Permissions.Read, CallClass.Reads)
            .Gives<PageView<PlanView>>().WithName("list_plans").WithSummary("List the plans, by name; there are few, so the list has one page");
        plans.MapPut("{name}", PutAsync).RequireOperator()
            .Takes<PutPlanRequest>().Gives<PlanView>().WithName("put_plan").WithSummary("Add a plan or replace it whole, in force at once");
    }

    private static IResult List(ListPlans list) => Answers.Listed(new Page<Plan>(list.Run(), null), PlanView.Of);

    private static async Task<IResult> PutAsync(HttpContext http, string name, PutPlan put, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<PutPlanRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

        var plan = new Plan(name, body.Description ?? "", body.Limits, body.Features ?? [], body.Placement);
        return Answers.Of(await put.RunAsync(http.OperatorScope(), plan, ct), saved => Answers.Ok(PlanView.Of(saved)));
    }
}

/// <param name="Limits">Every limit of the plan.</param>
/// <param name="Placement">Where the data of the plan's new tenants live; the installation's default when left out.</param>
internal sealed record PutPlanRequest(Limits Limits, string? Description = null, IReadOnlyList<string>? Features = null, Placement? Placement = null);

/// <param name="Placement">Where the data of the plan's new tenants live; null for the installation's default.</param>
internal sealed record PlanView(string Name, string Description, Limits Limits, IReadOnlyList<string> Features, Placement? Placement)
{
    public static PlanView Of(Plan plan) => new(plan.Name, plan.Description, plan.Limits, plan.Features, plan.Placement);
}
