using System.Collections.Frozen;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Plans;

/// <summary>
/// The plans in force, in memory: the built-in ones, over them the operator's file, over them those put by API. The
/// built-in three can be changed but never vanish. Opened once by <see cref="Access.StartTenancy"/>; a put is in force
/// for every tenant of the plan from its return on.
/// </summary>
public sealed class PlanCatalog
{
    /// <summary>The plan of a sign-up, and of a tenant whose plan the operator took out of the file.</summary>
    public const string Lowest = "free";

    private readonly Lock _changing = new();
    private volatile State _state = new(ReadBuiltIn(), 0);

    /// <summary>Grows with every change; what was computed from an older version is stale.</summary>
    public long Version => _state.Version;

    /// <summary>By name.</summary>
    public IReadOnlyList<Plan> All => [.. _state.Plans.Values.OrderBy(static plan => plan.Name, StringComparer.Ordinal)];

    public Plan? Find(string name) => _state.Plans.GetValueOrDefault(name);

    /// <summary>The tenant's limits in force: its plan's, with its overrides, and the add-ons of that moment on top.</summary>
    public Limits LimitsOf(Tenant tenant, DateTimeOffset now) => tenant.AddOns.ApplyTo(tenant.Overrides.ApplyTo((Find(tenant.Plan) ?? _state.Plans[Lowest]).Limits), now);

    internal Result<Done> ReadFile(string path, PlacementChoice placements)
    {
        if (PlanFile.Read(path, _state.Plans, placements.Take).Failed(out var fault, out var plans)) return fault;
        Put(plans);
        return default(Done);
    }

    internal void Put(IReadOnlyList<Plan> plans)
    {
        lock (_changing)
        {
            var all = new Dictionary<string, Plan>(_state.Plans);
            foreach (var plan in plans) all[plan.Name] = plan;
            _state = new State(all.ToFrozenDictionary(), _state.Version + 1);
        }
    }

    /// <summary>Puts those that differ from what is in force, so that a look that finds nothing new makes nobody compute anew.</summary>
    internal void Renew(IReadOnlyList<Plan> plans)
    {
        List<Plan> changed = [.. plans.Where(plan => Find(plan.Name) is not { } known || !Same(known, plan))];
        if (changed.Count > 0) Put(changed);
    }

    private static bool Same(Plan one, Plan other) => one with { Features = [] } == other with { Features = [] } && one.Features.SequenceEqual(other.Features);

    private static FrozenDictionary<string, Plan> ReadBuiltIn()
    {
        using var text = new StreamReader(typeof(PlanCatalog).Assembly.GetManifestResourceStream("plans.yaml")!);
        return PlanFile.Read("plans.yaml", text, FrozenDictionary<string, Plan>.Empty, NoPlacement).Value.ToFrozenDictionary(static plan => plan.Name);
    }

    /// <summary>The built-in plans suit every installation, so they name no placement.</summary>
    private static Result<Placement> NoPlacement(string name) => throw new InvalidOperationException($"A built-in plan names the placement '{name}'.");

    private sealed record State(FrozenDictionary<string, Plan> Plans, long Version);
}
