using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Migrating;

/// <summary>The migrations of a whole installation, as an operator looks at them and runs them from outside of a server.</summary>
public abstract class StoreMigrations
{
    public static StoreMigrations Of(PostgresOptions options, TimeProvider time) => new PostgresMigrations(options, time);

    /// <summary>Of the embedded store.</summary>
    public static StoreMigrations Of(StorageOptions options, TimeProvider time) => new FileMigrations(options, time);

    /// <summary>What would run. It changes nothing. Throws <see cref="FaultException"/> when the stores cannot be looked at.</summary>
    public abstract Task<MigrationPlan> PlanAsync(CancellationToken ct);

    /// <summary>
    /// Runs it all: control store, shared stores, then each tenant's own. A tenant that fails is passed over; anything else
    /// that fails throws <see cref="FaultException"/>. Cancelled, it leaves each store as it was before or whole, and
    /// another call goes on from there.
    /// </summary>
    /// <param name="tell">Told what happens, by several threads.</param>
    public abstract Task<MigrationOutcome> RunAsync(Action<MigrationNews> tell, CancellationToken ct);
}

/// <param name="Stores">Every kind of store that there is, in the order in which they are migrated.</param>
/// <param name="Failed">Tenants whose migration failed when it was last tried; the first hundred.</param>
public sealed record MigrationPlan(IReadOnlyList<PlannedStore> Stores, IReadOnlyList<FailedStore> Failed)
{
    public bool UpToDate => Stores.All(static store => store.Behind == 0 && store.Refused == 0);

    /// <summary>Tenants' own stores that lack a step.</summary>
    public long TenantsBehind => Stores.Where(static store => store.Kind is not (StoreKind.Control or StoreKind.Shared)).Sum(static store => store.Behind);
}

/// <summary>The stores of one kind on one server.</summary>
/// <param name="Count">How many there are; a control store or shared store that is yet to be made counts.</param>
/// <param name="Behind">How many of them lack a step.</param>
/// <param name="Refused">How many this program must not touch: newer than it, made by other steps, damaged.</param>
/// <param name="Steps">What would run on those that are behind, oldest first.</param>
/// <param name="Refusal">Why the first of those is refused, when it is known.</param>
public sealed record PlannedStore(string Server, StoreKind Kind, long Count, long Behind, long Refused, IReadOnlyList<PlannedStep> Steps, Fault? Refusal = null);

/// <param name="Phase"><c>expand</c> or <c>contract</c>; null for the embedded store, which no two programs share.</param>
/// <param name="Stores">How many stores lack it.</param>
public sealed record PlannedStep(int Version, string Name, string? Phase, long Stores);

public enum StoreKind
{
    Control,

    /// <summary>The tables of all tenants who share them on a server.</summary>
    Shared,

    Schema,
    Database,
    File,
}

public sealed record FailedStore(string Server, Id<Tenant> Tenant, string Place, string Reason);

/// <param name="Steps">What was applied to control and shared stores.</param>
/// <param name="Migrated">Tenants' own stores brought up to date.</param>
public sealed record MigrationOutcome(IReadOnlyList<StepApplied> Steps, long Migrated, IReadOnlyList<FailedStore> Failed);

/// <summary>Something that happened while migrations ran.</summary>
public abstract record MigrationNews;

public sealed record StepApplied(string Server, StoreKind Kind, string Name) : MigrationNews;

/// <summary>Another node is at the tenants' stores; so many are left to it.</summary>
public sealed record WaitingForNode(long Left) : MigrationNews;

/// <param name="Failure">The one that was just passed over, or null.</param>
public sealed record TenantsMigrated(long Done, long Total, FailedStore? Failure) : MigrationNews;
