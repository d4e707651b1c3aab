using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>Tenants, for the operator; a tenant may look at itself, and every other id is unknown to it.</summary>
internal static class TenantEndpoints
{
    private const string Root = "/api/v1/tenants";
    private const string Noun = "tenant";

    public static void MapTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup(Root).WithTags("tenants");
        tenants.MapPost("", CreateAsync).RequireOperator()
            .Takes<CreateTenantRequest>().Gives<CreatedTenantView>(StatusCodes.Status201Created).WithName("create_tenant").WithSummary("Create a tenant with its owner key");
        tenants.MapGet("", ListAsync).RequireOperator()
            .Paged(
                new("status", "active or suspended."),
                new("plan", "Tenants of this plan."),
                new("name", "Tenants whose name begins so, without case."),
                new("placement", "Tenants whose data live so: file, shared, schema or database."),
                new("server", "Tenants whose data live on the server of this name."))
            .Gives<PageView<TenantView>>().WithName("list_tenants").WithSummary("List tenants, newest first");
        tenants.MapGet("{id}", ShowAsync).RequireAnyone(Permissions.Read, CallClass.Reads)
            .Gives<TenantView>().WithName("get_tenant").WithSummary("Show a tenant with its limits in force");
        tenants.MapPatch("{id}", UpdateAsync).RequireOperator()
            .Takes<UpdateTenantRequest>().Gives<TenantView>().WithName("update_tenant").WithSummary("Change name, plan or limits");
        tenants.MapPost("{id}/suspend", SuspendAsync).RequireOperator()
            .MayTake<SuspendTenantRequest>().Gives<TenantView>().WithName("suspend_tenant").WithSummary("Stop everything of a tenant; nothing is lost");
        tenants.MapPost("{id}/resume", ResumeAsync).RequireOperator()
            .Gives<TenantView>().WithName("resume_tenant").WithSummary("Let a suspended tenant go on");
        tenants.MapPost("{id}/keys", IssueKeyAsync).RequireOperator()
            .Takes<CreateKeyRequest>().Gives<CreatedKeyView>(StatusCodes.Status201Created).WithName("create_tenant_key").WithSummary("Create a key for a tenant");
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateTenant create, PlanCatalog plans, TimeProvider time, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<CreateTenantRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

        var created = await create.RunAsync(http.OperatorScope(), new TenantRequest(body.Name, body.Plan, body.Placement, body.Limits, body.Server), ct);
        return Answers.Of(created, made => Answers.Created(CreatedTenantView.Of(made, plans.LimitsOf(made.Tenant, time.GetUtcNow()))));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListTenants list, PlanCatalog plans, TimeProvider time, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);
        if (FilterOf(http.Request.Query).Failed(out fault, out var filter)) return Answers.Of(fault);

        return Answers.Listed(await list.RunAsync(http.OperatorScope(), filter, page, ct), tenant => TenantView.Of(tenant, plans.LimitsOf(tenant, time.GetUtcNow())));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowTenant show, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, Noun).Failed(out var fault, out var tenant)) return Answers.Of(fault);

        var shown = http.Caller() is SignedInTenant caller
            ? await show.RunAsync(caller.Scope, tenant, ct)
            : await show.RunAsync(http.OperatorScope(), tenant, ct);
        return Answers.Of(shown, standing => Answers.Ok(TenantView.Of(standing.Tenant, standing.Limits)));
    }

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateTenant update, PlanCatalog plans, TimeProvider time, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, Noun).Failed(out var fault, out var tenant)) return Answers.Of(fault);
        if ((await http.ReadBodyAsync<UpdateTenantRequest>(ApiJson.Options, ct)).Failed(out fault, out var body)) return Answers.Of(fault);

        return Shown(await update.RunAsync(http.OperatorScope(), tenant, new TenantChange(body.Name, body.Plan, body.Limits, body.Placement, body.Server, body.AddOns), ct), plans, time);
    }

    private static async Task<IResult> SuspendAsync(HttpContext http, string id, SuspendTenant suspend, PlanCatalog plans, TimeProvider time, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, Noun).Failed(out var fault, out var tenant)) return Answers.Of(fault);
        var read = await http.ReadOptionalBodyAsync<SuspendTenantRequest>(ApiJson.Options, ct);
        if (read.Fault is { } unread) return Answers.Of(unread);

        return Shown(await suspend.RunAsync(http.OperatorScope(), tenant, read.Value?.Reason, ct), plans, time);
    }

    private static async Task<IResult> ResumeAsync(HttpContext http, string id, ResumeTenant resume, PlanCatalog plans, TimeProvider time, CancellationToken ct) =>
        RouteIds.Find<Tenant>(id, Noun).Failed(out var fault, out var tenant)
            ? Answers.Of(fault)
            : Shown(await resume.RunAsync(http.OperatorScope(), tenant, ct), plans, time);

    private static async Task<IResult> IssueKeyAsync(HttpContext http, string id, IssueTenantKey issue, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, Noun).Failed(out var fault, out var tenant)) return Answers.Of(fault);
        if ((await http.ReadBodyAsync<CreateKeyRequest>(ApiJson.Options, ct)).Failed(out fault, out var body)) return Answers.Of(fault);

        if (body.ToRequest().Failed(out fault, out var request)) return Answers.Of(fault);

        var created = await issue.RunAsync(http.OperatorScope(), tenant, request, ct);
        return Answers.Of(created, key => Answers.Created(CreatedKeyView.Of(key)));
    }

    private static IResult Shown(Result<Tenant> tenant, PlanCatalog plans, TimeProvider time) =>
        Answers.Of(tenant, changed => Answers.Ok(TenantView.Of(changed, plans.LimitsOf(changed, time.GetUtcNow()))));

    private static Result<TenantFilter> FilterOf(IQueryCollection query)
    {
        TenantStatus? status = null;
        if (query.TryGetValue("status", out var statuses))
        {
            if (statuses is not ["active" or "suspended"]) return Fault.Invalid("status", "status must be active or suspended, once.");
            status = statuses[0] == "active" ? TenantStatus.Active : TenantStatus.Suspended;
        }

        Placement? placement = null;
        if (query.TryGetValue("placement", out var placements))
        {
            placement = placements is [{ } name] ? PlacementNames.Find(name) : null;
            if (placement is null) return Fault.Invalid("placement", $"placement must be one of {string.Join(", ", PlacementNames.All)}, once.");
        }

        return new TenantFilter(status, query["plan"].LastOrDefault(), query["name"].LastOrDefault(), placement, query["server"].LastOrDefault());
    }
}

/// <param name="Name">1 to 200 characters of any script.</param>
/// <param name="Plan">Name of a plan; <c>free</c> when left out.</param>
/// <param name="Placement">Where the data lives: <c>file</c> on the embedded store; <c>shared</c>, <c>schema</c> or <c>database</c> on PostgreSQL. When left out the plan's, else <c>file</c> or <c>shared</c>.</param>
/// <param name="Limits">Limits that replace the plan's.</param>
/// <param name="Server">Name of the server for the data; one is chosen when left out.</param>
internal sealed record CreateTenantRequest(string Name, string? Plan = null, string? Placement = null, LimitOverrides? Limits = null, string? Server = null);

/// <summary>What to change; what is left out stays.</summary>
/// <param name="Limits">All overrides anew: one that is not named falls back to the plan's limit.</param>
/// <param name="Placement">Refused unless it is what it is: an update moves no data.</param>
/// <param name="Server">Refused unless it is what it is: an update moves no data.</param>
/// <param name="AddOns">All add-ons anew: each more of some limits, from a moment on (now when left out) and until another. At most 20; those that are over are left out.</param>
internal sealed record UpdateTenantRequest(
    string? Name = null, string? Plan = null, LimitOverrides? Limits = null, string? Placement = null, string? Server = null, IReadOnlyList<LimitAddOn>? AddOns = null);

/// <param name="Reason">Shown to the tenant; at most 500 characters.</param>
internal sealed record SuspendTenantRequest(string? Reason = null);
