using Insula.Storage.Migrating;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Storage.Tests.Migrating;

public sealed class FileMigrationsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private StoreMigrations Stores => StoreMigrations.Of(Options, TimeProvider.System);

    private StorageOptions Options => new() { DataFolder = Path.Combine(_folder.Path, "data") };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_control_store_that_is_behind_is_planned_and_migrated()
    {
        await MakeControlAsync(Schema.Control with { Migrations = [Schema.Control.Migrations[0]] });
        var before = await File.ReadAllBytesAsync(Path.Combine(Options.DataFolder, "control.db"), Ct);

        var plan = await Stores.PlanAsync(Ct);

        Assert.Equal(Schema.Control.Migrations.Skip(1).Select(static step => step.Name), plan.Stores[0].Steps.Select(static step => step.Name));
        Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(Options.DataFolder, "control.db"), Ct));

        var outcome = await Stores.RunAsync(static _ => { }, Ct);

        Assert.Equal(plan.Stores[0].Steps.Select(static step => step.Name), outcome.Steps.Select(static step => step.Name));
        Assert.True((await Stores.PlanAsync(Ct)).UpToDate);
    }

    [Fact]
    public async Task A_folder_without_a_store_is_refused_and_not_made()
    {
        Assert.Equal("store_missing", (await Assert.ThrowsAsync<FaultException>(() => Stores.PlanAsync(Ct))).Fault.Code);
        Assert.Equal("store_missing", (await Assert.ThrowsAsync<FaultException>(() => Stores.RunAsync(static _ => { }, Ct))).Fault.Code);
        Assert.False(Directory.Exists(Options.DataFolder));
    }

    [Fact]
    public async Task Tenants_files_are_counted_and_one_that_cannot_be_read_is_named_and_left()
    {
        var broken = Id<Tenant>.New();
        await using (var storage = new SqliteStorage(Options, TimeProvider.System, NullLogger<SqliteStorage>.Instance))
        {
            await storage.OpenAsync(Ct);
            foreach (var id in (Id<Tenant>[])[Id<Tenant>.New(), Id<Tenant>.New(), broken]) (await storage.TenantFiles.LeaseAsync(id, Ct)).Dispose();
        }

        var file = DataFolder.TenantFileIn(Options.DataFolder, broken);
        await File.WriteAllTextAsync(file, "no store at all, and long enough to hold the hundred bytes of a header that somebody might look for in it", Ct);
        Directory.CreateDirectory(Path.Combine(Options.DataFolder, "tenants", "no", "tenant"));

        var plan = await Stores.PlanAsync(Ct);

        Assert.Equal((3, 0, 1), (plan.Stores[1].Count, plan.Stores[1].Behind, plan.Stores[1].Refused));
        Assert.Equal(broken, Assert.Single(plan.Failed).Tenant);
        Assert.Equal(broken, Assert.Single((await Stores.RunAsync(static _ => { }, Ct)).Failed).Tenant);
        Assert.StartsWith("no store", await File.ReadAllTextAsync(file, Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_server_holds_the_folder_there_is_a_plan_and_nothing_else()
    {
        await MakeControlAsync(Schema.Control);
        using var held = DataFolder.Open(Options.DataFolder);

        Assert.True((await Stores.PlanAsync(Ct)).UpToDate);
        var refused = await Assert.ThrowsAsync<FaultException>(() => Stores.RunAsync(static _ => { }, Ct));

        Assert.Equal("data_folder_in_use", refused.Fault.Code);
    }

    private async Task MakeControlAsync(Schema schema)
    {
        using var folder = DataFolder.Open(Options.DataFolder);
        using var threads = new DiskThreads(1);
        await SqliteFile.Open(folder.ControlFile, schema, threads, TimeProvider.System).DisposeAsync();
    }
}
