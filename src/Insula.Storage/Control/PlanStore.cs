using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class PlanStore(ControlDatabase control) : IPlanStore
{
    public async Task<IReadOnlyList<Plan>> AllAsync(CancellationToken ct) => await control.Platform.AllAsync(
        ControlSql.Plans,
        Read,
        ct);

    public Task PutAsync(Plan plan, AuditRecord record, CancellationToken ct) => control.Platform.WriteAsync(
        link =>
        {
            link.Post(
                ControlSql.PutPlan,
                ("@name", plan.Name),
                ("@description", plan.Description),
                ("@limits", Rows.ToJson(plan.Limits)),
                ("@features", Rows.ToJson(plan.Features)),
                ("@placement", plan.Placement is { } placement ? Rows.ToName(placement) : null));
            AuditLog.Append(link, record);
            return ValueTask.CompletedTask;
        },
        ct);

    private static Plan Read(DbDataReader row) => new(
        row.GetString(0),
        row.GetString(1),
        row.Json<Limits>(2),
        row.Json<IReadOnlyList<string>>(3),
        row.IsDBNull(4) ? null : row.Name<Placement>(4));
}
