using System.Globalization;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Storage.Migrating;

/// <summary>
/// The migrations of a data folder. The plan reads the files' headers and nothing else; beside a running server a header
/// may be older than the store by what is still in its log.
/// </summary>
internal sealed class FileMigrations(StorageOptions options, TimeProvider time) : StoreMigrations
{
    private const string Server = PlacementOptions.MainServer;
    private const int FailedMax = 100;

    private string Control => Path.Combine(options.DataFolder, DataFolder.ControlFileName);

    public override Task<MigrationPlan> PlanAsync(CancellationToken ct)
    {
        RefuseMissing();
        return Task.Run(() => Plan(ct), ct);
    }

    public override async Task<MigrationOutcome> RunAsync(Action<MigrationNews> tell, CancellationToken ct)
    {
        RefuseMissing();
        // Asked before a file is looked at: the engine's locks end with any descriptor that this process closes.
        if (DataFolder.HolderOf(options.DataFolder) is { } holder) throw new FaultException(DataFolder.InUse(options.DataFolder, holder));
        var before = VersionOf(Control, Schema.Control);
        await using var storage = new SqliteStorage(options, time, NullLogger<SqliteStorage>.Instance);
        await storage.OpenAsync(ct);
        var steps = Schema.Control.Migrations.Skip(before).Select(static step => new StepApplied(Server, StoreKind.Control, step.Name)).ToList();
        foreach (var step in steps) tell(step);

        var (behind, failed) = Behind(ct);
        var done = 0L;
        foreach (var tenant in behind)
        {
            var failure = await TryAsync(storage, tenant, ct);
            if (failure is not null) failed.Add(failure);
            tell(new TenantsMigrated(++done, behind.Count, failure));
        }

        return new MigrationOutcome(steps, behind.Count(tenant => failed.TrueForAll(failure => failure.Tenant != tenant)), failed);
    }

    /// <summary>A folder that was mistyped must not be made.</summary>
    private void RefuseMissing()
    {
        if (!File.Exists(Control))
            throw new FaultException(Fault.Unavailable("store_missing", $"There is no store in {options.DataFolder}. Give its folder with --data; a new one is made by the first 'insula up', at this version."));
    }

    private MigrationPlan Plan(CancellationToken ct)
    {
        var control = Look(Control, Schema.Control);
        var files = Tenants().Select(tenant =>
        {
            ct.ThrowIfCancellationRequested();
            return (Tenant: tenant.Id, tenant.File, Looked: Look(tenant.File, Schema.Tenant));
        }).ToList();
        var refused = files.Where(static file => file.Looked.Refusal is not null).ToList();
        var behind = files.Where(static file => file.Looked.Refusal is null && file.Looked.Version < Schema.Tenant.Version).ToList();
        return new MigrationPlan(
            [
                new PlannedStore(Server, StoreKind.Control, Count: 1, control.Refusal is null && control.Version < Schema.Control.Version ? 1 : 0, control.Refusal is null ? 0 : 1, Steps(Schema.Control, control.Refusal is null ? [control.Version] : []), control.Refusal),
                new PlannedStore(Server, StoreKind.File, files.Count, behind.Count, refused.Count, Steps(Schema.Tenant, [.. behind.Select(static file => file.Looked.Version)]), refused.FirstOrDefault().Looked?.Refusal),
            ],
            [.. refused.Take(FailedMax).Select(static file => Failed(file.Tenant, file.File, file.Looked.Refusal!))]);
    }

    /// <summary>The tenants whose file lacks a step, and those whose file cannot be looked at.</summary>
    private (List<Id<Tenant>> Behind, List<FailedStore> Failed) Behind(CancellationToken ct)
    {
        List<Id<Tenant>> behind = [];
        List<FailedStore> failed = [];
        foreach (var (id, file) in Tenants())
        {
            ct.ThrowIfCancellationRequested();
            var looked = Look(file, Schema.Tenant);
            if (looked.Refusal is { } refusal) failed.Add(Failed(id, file, refusal));
            else if (looked.Version < Schema.Tenant.Version) behind.Add(id);
        }

        return (behind, failed);
    }

    private async Task<FailedStore?> TryAsync(SqliteStorage storage, Id<Tenant> tenant, CancellationToken ct)
    {
        try
        {
            (await storage.TenantFiles.LeaseAsync(tenant, ct)).Dispose();
            return null;
        }
        catch (FaultException error)
        {
            return Failed(tenant, DataFolder.TenantFileIn(options.DataFolder, tenant), error.Fault);
        }
    }

    /// <summary>The tenants that have a file, in the order of their folders.</summary>
    private IEnumerable<(Id<Tenant> Id, string File)> Tenants()
    {
        var folder = Path.Combine(options.DataFolder, "tenants");
        if (!Directory.Exists(folder)) yield break;
        foreach (var tenant in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).SelectMany(static part => Directory.EnumerateDirectories(part).Order(StringComparer.Ordinal)))
        {
            if (!UInt128.TryParse(Path.GetFileName(tenant), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var digits)) continue;
            var id = new Id<Tenant>(digits);
            var file = DataFolder.TenantFileIn(options.DataFolder, id);
            if (File.Exists(file)) yield return (id, file);
        }
    }

    private static Looked Look(string file, Schema schema)
    {
        try
        {
            return new Looked(VersionOf(file, schema), null);
        }
        catch (FaultException error)
        {
            return new Looked(0, error.Fault);
        }
    }

    /// <summary>The version in the header; 0 when there is no file. Throws for a file that this program must not touch.</summary>
    private static int VersionOf(string file, Schema schema)
    {
        try
        {
            return FileHeader.VersionOf(file, schema);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(SqliteFaults.Unreadable(schema.Name, error.Message), error);
        }
    }

    private static List<PlannedStep> Steps(Schema schema, IReadOnlyList<int> versions) =>
    [
        .. schema.Migrations.Select(step => new PlannedStep(step.Version, step.Name, null, versions.Count(version => version < step.Version))).Where(static step => step.Stores > 0),
    ];

    private static FailedStore Failed(Id<Tenant> tenant, string file, Fault fault) => new(Server, tenant, file, $"{fault.Code}: {fault.Internal ?? fault.Message}");

    private sealed record Looked(int Version, Fault? Refusal);
}
