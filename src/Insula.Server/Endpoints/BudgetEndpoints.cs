using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>
/// Budgets by their id: <c>platform</c> and <c>tenant:…</c> for the operator, <c>agent:…</c>, <c>session:…</c> and
/// <c>run</c> for a tenant, which sees its whole tree.
/// </summary>
internal static class BudgetEndpoints
{
    private static readonly IResult Missing = Answers.Of(Fault.NotFound("budget"));

    public static void MapBudgets(this IEndpointRouteBuilder routes)
    {
        var budgets = routes.MapGroup("/api/v1/budgets").WithTags("budgets");
        budgets.MapGet("", ListAsync).RequireAnyone(Permissions.Read, CallClass.Reads)
            .Paged(new("scope", "platform, tenant, agent, session, session_own or run."), new("tenant", "Operators only: this tenant's tree instead of the platform's own budget."))
            .Gives<PageView<BudgetView>>().WithName("list_budgets").WithSummary("List budgets with what they spent and hold");
        budgets.MapGet("{id}", ShowAsync).RequireAnyone(Permissions.Read, CallClass.Reads)
            .Gives<BudgetView>().WithName("get_budget").WithSummary("Show a budget with what it spent and holds");
        budgets.MapPut("{id}", PutAsync).RequireAnyone(Permissions.Admin, CallClass.Requests)
            .Takes<SetBudgetRequest>().Gives<BudgetView>().WithName("set_budget").WithSummary("Set a budget, in force at once; what was spent stays");
        budgets.MapDelete("{id}", RemoveAsync).RequireAnyone(Permissions.Admin, CallClass.Requests)
            .Gives<RemovedBudgetView>().WithName("remove_budget").WithSummary("Take a budget away");

        var ofTenant = routes.MapGroup("/api/v1/tenants/{id}/budget").WithTags("tenants");
        ofTenant.MapGet("", (HttpContext http, string id, ListBudgets list, CancellationToken ct) => ShowAsync(http, $"tenant:{id}", list, ct)).RequireOperator()
            .Gives<BudgetView>().WithName("get_tenant_budget").WithSummary("Show the budget of a whole tenant");
        ofTenant.MapPut("", (HttpContext http, string id, SetBudget set, ITenantStores stores, CancellationToken ct) => PutAsync(http, $"tenant:{id}", set, stores, ct)).RequireOperator()
            .Takes<SetBudgetRequest>().Gives<BudgetView>().WithName("set_tenant_budget").WithSummary("Set the budget of a whole tenant");
        ofTenant.MapDelete("", (HttpContext http, string id, RemoveBudget remove, CancellationToken ct) => RemoveAsync(http, $"tenant:{id}", remove, ct)).RequireOperator()
            .Gives<RemovedBudgetView>().WithName("remove_tenant_budget").WithSummary("Take the budget of a whole tenant away");
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListBudgets list, CancellationToken ct)
    {
        var query = http.Request.Query;
        if (PageQuery.Read(query).Failed(out var fault, out var page)) return Answers.Of(fault);
        BudgetScope? scope = null;
        if (query["scope"].ToString() is { Length: > 0 } given && (scope = BudgetNames.ScopeOf(given)) is null)
            return Answers.Of(Fault.Invalid("scope", $"scope must be platform, tenant, agent, session, session_own or run, not {given}."));
        if (http.Caller() is SignedInTenant caller) return Listed(await list.RunAsync(caller.Scope, scope, page, ct));

        Id<Tenant>? tenant = null;
        if (query["tenant"].ToString() is { Length: > 0 } of)
        {
            if (RouteIds.Find<Tenant>(of, "tenant").Failed(out fault, out var found)) return Answers.Of(fault);
            tenant = found;
        }

        return Listed(await list.RunAsync(http.OperatorScope(), tenant, scope, page, ct));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ListBudgets list, CancellationToken ct)
    {
        if (http.Caller() is SignedInTenant caller) return KeyOf(caller.Scope, id) is { } key ? Shown(await list.ShowAsync(caller.Scope, key, ct)) : Missing;
        return OfOperator(id, out var tenant) ? Shown(await list.ShowAsync(http.OperatorScope(), tenant, ct)) : Missing;
    }

    private static async Task<IResult> PutAsync(HttpContext http, string id, SetBudget set, ITenantStores stores, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<SetBudgetRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);
        if (body.ToChange().Failed(out fault, out var change)) return Answers.Of(fault);
        if (http.Caller() is not SignedInTenant caller) return OfOperator(id, out var tenant) ? Shown(await set.RunAsync(http.OperatorScope(), tenant, change, ct)) : Missing;
        if (KeyOf(caller.Scope, id) is not { } key || !await IsThereAsync(stores, caller.Scope, key, ct)) return Missing;
        return Shown(await set.RunAsync(caller.Scope, key, change, ct));
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, string id, RemoveBudget remove, CancellationToken ct)
    {
        Result<Done> removed;
        if (http.Caller() is SignedInTenant caller)
        {
            if (KeyOf(caller.Scope, id) is not { } key) return Missing;
            removed = await remove.RunAsync(caller.Scope, key, ct);
        }
        else
        {
            if (!OfOperator(id, out var tenant)) return Missing;
            removed = await remove.RunAsync(http.OperatorScope(), tenant, ct);
        }

        return Answers.Of(removed, _ => Answers.Ok(new RemovedBudgetView(id, Deleted: true)));
    }

    /// <summary>A tenant's own runs need no id.</summary>
    private static BudgetKey? KeyOf(TenantScope scope, string id) => id == "run" ? BudgetKey.RunsOf(scope.Tenant) : BudgetKey.Parse(id);

    private static bool OfOperator(string id, out Id<Tenant>? tenant)
    {
        tenant = null;
        if (BudgetKey.Parse(id) is not { } key) return false;
        if (key.Scope == BudgetScope.Platform) return true;
        if (key.Scope != BudgetScope.Tenant || !Id<Tenant>.TryParse(key.Subject, out var found)) return false;
        tenant = found;
        return true;
    }

    private static async Task<bool> IsThereAsync(ITenantStores stores, TenantScope scope, BudgetKey key, CancellationToken ct)
    {
        if (key.Scope is not (BudgetScope.Agent or BudgetScope.Session)) return true;
        await using var store = await stores.OpenAsync(scope, ct);
        return key.Scope == BudgetScope.Agent
            ? Id<Agent>.TryParse(key.Subject, out var agent) && await store.Agents.FindAsync(agent, version: null, ct) is not null
            : Id<Session>.TryParse(key.Subject, out var session) && await store.Sessions.FindAsync(session, ct) is not null;
    }

    private static IResult Shown(Result<Budget> result) => Answers.Of(result, static budget => Answers.Ok(BudgetView.Of(budget)));

    private static IResult Listed(Result<Tenancy.Paging.Page<Budget>> result) => Answers.Of(result, static page => Answers.Listed(page, BudgetView.Of));
}

internal sealed record RemovedBudgetView(string Id, bool Deleted);

/// <param name="LimitMicros">Millionths of a dollar, from 0.</param>
/// <param name="Period">day, week, month or life, by the calendar in UTC; month when left out. A budget of runs has none.</param>
/// <param name="Thresholds">Percentages at which it says so, rising; 50, 80 and 100 when left out.</param>
internal sealed record SetBudgetRequest(long LimitMicros, string? Period = null, IReadOnlyList<int>? Thresholds = null)
{
    public Result<BudgetChange> ToChange()
    {
        if (Period is null) return new BudgetChange(LimitMicros, null, Thresholds);
        return BudgetNames.PeriodOf(Period) is { } period
            ? new BudgetChange(LimitMicros, period, Thresholds)
            : Fault.Invalid("period", $"period must be {string.Join(", ", BudgetNames.Periods)}, not {Period}.");
    }
}

/// <param name="Id">platform, or the scope with the id of its subject: agent:agent_….</param>
/// <param name="SpentMicros">Settled in this period.</param>
/// <param name="HeldMicros">Set aside for steps under way, or not settled yet.</param>
/// <param name="LeftMicros">What a step may still take.</param>
/// <param name="ResetsAt">When the spending counts anew; null for never.</param>
internal sealed record BudgetView(
    string Id,
    string Scope,
    string? Subject,
    long LimitMicros,
    long SpentMicros,
    long HeldMicros,
    long LeftMicros,
    string Period,
    DateTimeOffset? PeriodStart,
    DateTimeOffset? ResetsAt,
    IReadOnlyList<int> Thresholds,
    string SetBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static BudgetView Of(Budget budget) => new(
        budget.Key.ToString(),
        BudgetNames.Of(budget.Key.Scope),
        budget.Key.Subject.Length == 0 ? null : budget.Key.Subject,
        budget.LimitMicros,
        budget.SpentMicros,
        budget.HeldMicros,
        budget.LeftMicros,
        BudgetNames.Of(budget.Period),
        budget.Period == BudgetPeriod.Life ? null : budget.PeriodStart,
        budget.ResetsAt,
        budget.Thresholds,
        budget.SetBy,
        budget.CreatedAt,
        budget.UpdatedAt);
}
