using System.Globalization;
using System.Text.Json;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Server.Endpoints;

/// <summary>What was used and what it cost: a tenant sees its own, the operator any tenant's.</summary>
internal static class UsageEndpoints
{
    public static void MapUsage(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/usage", ShowAsync).RequireAnyone(Permissions.Read, CallClass.Reads).WithTags("usage")
            .Paged(
                new("group_by", "day, agent, model, key, member, session, run or kind; day when left out."),
                new("from", "A date or moment; the begin of the month when left out."),
                new("to", "A date or moment that is not counted any more; now when left out."),
                new("tenant", "Whose usage, for the operator."),
                new("agent", "Only of this agent."),
                new("model", "Only of this model, provider/model."),
                new("session", "Only of this session."),
                new("run", "Only of this run."),
                new("key", "Only of runs that this key began."),
                new("member", "Only of runs that a key of this member began."))
            .Gives<UsageView>().WithName("show_usage").WithSummary("Sum up what was used, by day, agent, model, key, member, session, run or kind");

    private static async Task<IResult> ShowAsync(HttpContext http, ShowUsage show, TimeProvider time, CancellationToken ct)
    {
        var query = http.Request.Query;
        if (PageQuery.Read(query).Failed(out var fault, out var page)) return Answers.Of(fault);
        if (GroupingOf(query).Failed(out fault, out var by)) return Answers.Of(fault);
        if (FilterOf(query, time.GetUtcNow()).Failed(out fault, out var filter)) return Answers.Of(fault);
        if (http.Caller() is SignedInTenant caller)
        {
            return query.ContainsKey("tenant")
                ? Answers.Of(Fault.Invalid("tenant", "tenant is for operators: a tenant's key always shows its own usage. Leave it out."))
                : Shown(await show.RunAsync(caller.Scope, filter, by, page, ct));
        }

        if (query["tenant"] is not [{ Length: > 0 } id]) return Answers.Of(Fault.Invalid("tenant", "Say whose usage with tenant, once."));
        return RouteIds.Find<Tenant>(id, "tenant").Failed(out fault, out var tenant)
            ? Answers.Of(fault)
            : Shown(await show.RunAsync(http.OperatorScope(), tenant, filter, by, page, ct));
    }

    private static IResult Shown(Result<UsageReport> shown) => Answers.Of(shown, static report => Answers.Ok(UsageView.Of(report)));

    private static Result<UsageGrouping> GroupingOf(IQueryCollection query)
    {
        var names = query["group_by"];
        if (names.Count == 0) return UsageGrouping.Day;
        foreach (var by in Enum.GetValues<UsageGrouping>())
        {
            if (names is [{ } name] && name == NameOf(by)) return by;
        }

        return Fault.Invalid("group_by", $"group_by must be one of {string.Join(", ", Enum.GetValues<UsageGrouping>().Select(NameOf))}, once.");
    }

    private static string NameOf(UsageGrouping by) => JsonNamingPolicy.SnakeCaseLower.ConvertName(by.ToString());

    private static Result<UsageFilter> FilterOf(IQueryCollection query, DateTimeOffset now)
    {
        if (MomentOf(query, "from", new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero)).Failed(out var fault, out var from)) return fault;
        if (MomentOf(query, "to", now.AddSeconds(1)).Failed(out fault, out var to)) return fault;
        return new UsageFilter(from, to, One(query, "agent"), One(query, "model"), One(query, "session"), One(query, "run"), One(query, "key"), One(query, "member"));
    }

    private static string? One(IQueryCollection query, string name) => query[name] is [{ Length: > 0 } text] ? text : null;

    private static Result<DateTimeOffset> MomentOf(IQueryCollection query, string name, DateTimeOffset otherwise) => query[name] switch
    {
        [] => otherwise,
        [{ } text] when DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment) => moment,
        _ => Fault.Invalid(name, $"{name} must be a date such as 2027-01-31, which begins at midnight UTC, or a moment such as 2027-01-31T12:00:00Z, once."),
    };
}

/// <param name="Data">In the order of their keys.</param>
/// <param name="Total">Of all groups, whichever page this is.</param>
/// <param name="To">Not counted any more.</param>
internal sealed record UsageView(IReadOnlyList<UsageGroupView> Data, string? NextPage, UsageGroupView Total, DateTimeOffset From, DateTimeOffset To)
{
    public static UsageView Of(UsageReport report) => new(
        [.. report.Groups.Items.Select(group => UsageGroupView.Of(group, report.By))], report.Groups.Next, UsageGroupView.Of(new UsageGroup("total", report.Total)), report.Filter.From, report.Filter.To);
}

/// <param name="Key">The day, the id or the name that was grouped by; empty where it is unknown, and null for what no member's key began.</param>
/// <param name="Items">Model calls and tool calls.</param>
/// <param name="Unpriced">How many of them had no price; the cost leaves them out.</param>
/// <param name="CostMicros">Micro-dollars.</param>
internal sealed record UsageGroupView(
    string? Key,
    long Items,
    long Unpriced,
    long InputTokens,
    long OutputTokens,
    long CacheReadTokens,
    long CacheWriteTokens,
    long ReasoningTokens,
    long CostMicros)
{
    public static UsageGroupView Of(UsageGroup group, UsageGrouping? by = null) => new(
        by == UsageGrouping.Member && group.Key.Length == 0 ? null : group.Key,
        group.Sum.Items,
        group.Sum.Unpriced,
        group.Sum.InputTokens,
        group.Sum.OutputTokens,
        group.Sum.CacheReadTokens,
        group.Sum.CacheWriteTokens,
        group.Sum.ReasoningTokens,
        group.Sum.CostMicros);
}
