using Insula.Storage.Statements;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Plans;

namespace Insula.Storage.Control;

internal sealed class PlanStore(SqliteStorage storage) : IPlanStore
{
    public async Task<IReadOnlyList<Plan>> AllAsync(CancellationToken ct) => await storage.Control.ReadAsync(
        link => link.All(ControlSql.Plans, static row => new Plan(row.GetString(0), row.GetString(1), row.Json<Limits>(2), row.Json<IReadOnlyList<string>>(3))),
        ct);

    public Task PutAsync(Plan plan, AuditRecord record, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            link.Run(
                ControlSql.PutPlan,
                ("@name", plan.Name),
                ("@description", plan.Description),
                ("@limits", Rows.ToJson(plan.Limits)),
                ("@features", Rows.ToJson(plan.Features)));
            AuditLog.Append(link, record);
            return true;
        },
        ct);
}
