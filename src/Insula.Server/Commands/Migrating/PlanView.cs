using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Server.Commands.Output;
using Insula.Server.Http;
using Insula.Storage.Migrating;
using Insula.Tenancy.Faults;

namespace Insula.Server.Commands.Migrating;

/// <summary>A plan as it is printed: for people the steps, for programs all of it.</summary>
internal static class PlanView
{
    public static void Print(MigrationPlan plan, Printer printer)
    {
        if (printer.Format != OutputFormat.Table)
        {
            printer.Data(JsonSerializer.SerializeToElement(ViewOf(plan), ApiJson.Options));
            return;
        }

        var steps = plan.Stores.SelectMany(static store => store.Steps, static (store, step) => new { store.Server, Store = store.Kind, step.Version, Step = step.Name, step.Phase, Of = $"{step.Stores} of {store.Count}" }).ToList();
        if (steps.Count > 0)
        {
            var columns = new List<Column> { new("SERVER", "server"), new("STORE", "store"), new("STEP", "step"), new("STORES", "of") };
            if (steps.Exists(static step => step.Phase is not null)) columns.Insert(3, new Column("PHASE", "phase"));
            printer.List([.. steps.Select(static step => JsonSerializer.SerializeToElement(step, ApiJson.Options))], [.. columns]);
        }

        foreach (var store in plan.Stores.Where(static store => store.Refused > 0)) printer.Sentence(Refused(store));
        foreach (var failed in plan.Failed) printer.Sentence($"{failed.Tenant} ({failed.Place} on {failed.Server}) could not be migrated: {failed.Reason}");
        printer.Sentence(plan.UpToDate ? "Everything is up to date." : steps.Count == 0 ? "Nothing would run." : $"{PlainText.Count((int)plan.TenantsBehind, "tenant")} would be migrated. Nothing was changed.");
    }

    public static object Failure(FailedStore failed) => new { failed.Server, TenantId = failed.Tenant.ToString(), failed.Place, failed.Reason };

    private static string Refused(PlannedStore store)
    {
        var what = $"{(store.Kind is StoreKind.Control or StoreKind.Shared ? $"The {Name(store.Kind)} store" : $"{store.Refused} of {store.Count} {Name(store.Kind)} stores")} on {store.Server} cannot be migrated by this program";
        return store.Refusal is { } why ? $"{what}: {why.Message}" : $"{what}: a newer one, or other steps than it has, made them.";
    }

    private static string Name(StoreKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private static PlanBody ViewOf(MigrationPlan plan) => new(
        plan.UpToDate,
        plan.TenantsBehind,
        [.. plan.Stores.Select(static store => new StoreBody(store.Server, store.Kind, store.Count, store.Behind, store.Refused, store.Steps, store.Refusal is { } why ? new RefusalBody(why) : null))],
        [.. plan.Failed.Select(Failure)]);

    private sealed record PlanBody(bool UpToDate, long TenantsBehind, IReadOnlyList<StoreBody> Stores, IReadOnlyList<object> Failed);

    private sealed record StoreBody(
        string Server,
        StoreKind Store,
        long Count,
        long Behind,
        long Refused,
        IReadOnlyList<PlannedStep> Steps,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RefusalBody? Refusal);

    private sealed record RefusalBody(string Code, string Detail)
    {
        public RefusalBody(Fault fault)
            : this(fault.Code, fault.Message)
        {
        }
    }
}
