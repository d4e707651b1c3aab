using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>What stands against a caller, in one call.</summary>
internal static class LimitEndpoints
{
    public static void MapLimits(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/v1/limits", ShowAsync).WithTags("limits").RequireTenant(Permissions.Read, CallClass.Reads)
            .Gives<LimitsView>().WithName("get_limits").WithSummary("Every limit that applies to this key: rates, quotas and budgets, with what is used and left");
        routes.MapGet("/api/v1/tenants/{id}/limits", ShowTenantAsync).WithTags("limits").RequireOperator()
            .Gives<LimitsView>().WithName("get_tenant_limits").WithSummary("Every limit of a tenant, with what is used and left");
    }

    private static async Task<IResult> ShowAsync(HttpContext http, ListLimits list, CancellationToken ct) => Shown(await list.RunAsync(http.TenantScope(), ct));

    private static async Task<IResult> ShowTenantAsync(HttpContext http, string id, ListLimits list, CancellationToken ct) =>
        RouteIds.Find<Tenant>(id, "tenant").Failed(out var fault, out var tenant) ? Answers.Of(fault) : Shown(await list.RunAsync(http.OperatorScope(), tenant, ct));

    private static IResult Shown(Result<IReadOnlyList<LimitState>> listed) => Answers.Of(listed, static limits => Answers.Ok(new LimitsView([.. limits.Select(LimitView.Of)])));
}

internal sealed record LimitsView(IReadOnlyList<LimitView> Data);

/// <param name="Name">As plans and overrides name it; <c>budget</c> for a budget.</param>
/// <param name="Kind"><c>rate</c>, <c>quota</c> or <c>budget</c>.</param>
/// <param name="AppliesTo"><c>tenant</c>, <c>key</c>, or the id of a budget.</param>
/// <param name="Unit">What is counted; <c>micros</c> are millionths of a dollar.</param>
/// <param name="Value">The limit; of a rate so many a minute.</param>
/// <param name="Burst">Of a rate: the most that is let in at once after a rest.</param>
/// <param name="Left">What would be let in now.</param>
/// <param name="ResetsAt">When it is whole again if nothing more is used; null when only removing something makes room.</param>
/// <param name="Source">Where the value comes from: <c>plan</c>, <c>override</c>, <c>add_on</c>, <c>key</c> or <c>budget</c>.</param>
/// <param name="RaisedBy">Who can raise it: <c>operator</c>, or <c>tenant_admin</c>, who has a key with the scope admin.</param>
internal sealed record LimitView(
    string Name, string Kind, string AppliesTo, string Unit, long Value, long? Burst, long? Used, long? Left, DateTimeOffset? ResetsAt, string Source, string RaisedBy)
{
    public static LimitView Of(LimitState limit) => new(
        limit.Name, limit.Kind, limit.AppliesTo, limit.Unit, limit.Value, limit.Burst, limit.Used, limit.Left, limit.ResetsAt, limit.Source, limit.RaisedBy);
}
