using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;

namespace Insula.Server.Endpoints;

/// <summary>The audit trail: a tenant's administrator sees the tenant's own, the operator the platform's.</summary>
internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/audit", ListAsync).RequireAnyone(Permissions.Admin, CallClass.Reads).WithTags("audit")
            .Paged().Gives<PageView<AuditView>>().WithName("list_audit").WithSummary("List the audit trail, newest first");

    private static async Task<IResult> ListAsync(HttpContext http, ListAudit list, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);

        var records = http.Caller() is SignedInTenant caller
            ? await list.RunAsync(caller.Scope, page, ct)
            : await list.RunAsync(http.OperatorScope(), page, ct);
        return Answers.Of(records, trail => Answers.Listed(trail, AuditView.Of));
    }
}

/// <param name="Principal">Who acted: <c>key:…</c>, <c>operator:…</c> or <c>system:…</c>.</param>
/// <param name="Action">What was done, for example <c>key.revoke</c>.</param>
/// <param name="Target">The id of what it was done to.</param>
internal sealed record AuditView(string Principal, string Action, string Target, string? Detail, DateTimeOffset At)
{
    public static AuditView Of(AuditRecord record) => new(record.Principal.ToString(), record.Action, record.Target, record.Detail, record.At);
}
