using Insula.Agents;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteStorageTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_server_on_the_same_folder_is_refused_and_told_who_has_it()
    {
        await using var home = await new SqliteHome().OpenAsync();
        await using var second = Storage(home.Options);
        var refused = await Assert.ThrowsAsync<FaultException>(() => second.GetRequiredService<SqliteStorage>().OpenAsync(Ct));
        Assert.Equal("data_folder_in_use", refused.Fault.Code);
        Assert.Contains($"process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);

        await home.CloseAsync();
        await second.GetRequiredService<SqliteStorage>().OpenAsync(Ct);
    }

    [Fact]
    public async Task A_control_store_that_cannot_be_used_stops_the_start_with_the_reason_and_frees_the_folder()
    {
        await using var home = await new SqliteHome().OpenAsync();
        await home.CloseAsync();
        var path = Path.Combine(home.Folder, "control.db");
        var bytes = await File.ReadAllBytesAsync(path, Ct);
        var newer = (byte[])bytes.Clone();
        newer[63] = 200;
        await File.WriteAllBytesAsync(path, newer, Ct);

        for (var i = 0; i < 2; i++)
        {
            var refused = await Assert.ThrowsAsync<FaultException>(() => home.OpenAsync());
            Assert.Equal("store_newer_than_program", refused.Fault.Code);
            Assert.Contains("Run the newer program", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(newer, await File.ReadAllBytesAsync(path, Ct));
        await File.WriteAllBytesAsync(path, bytes, Ct);
        await home.OpenAsync();
    }

    [Fact]
    public async Task A_data_folder_that_is_a_file_is_refused_with_advice()
    {
        var file = Path.GetTempFileName();
        await using var services = Storage(new() { DataFolder = file });
        var refused = await Assert.ThrowsAsync<FaultException>(() => services.GetRequiredService<SqliteStorage>().OpenAsync(Ct));
        Assert.Equal("data_folder_unusable", refused.Fault.Code);
        File.Delete(file);
    }

    [Fact]
    public void Every_option_out_of_range_is_named()
    {
        var refused = Assert.Throws<FaultException>(() => Storage(new() { DataFolder = "", OpenTenantsMax = 0, IdleLimit = TimeSpan.Zero, OpenWait = TimeSpan.FromHours(1), DiskThreads = 65 }).GetRequiredService<SqliteStorage>());
        foreach (var option in new[] { "DataFolder", "OpenTenantsMax", "IdleLimit", "OpenWait", "DiskThreads" }) Assert.Contains(option, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_check_tells_a_working_storage_from_one_that_cannot_write_or_is_closed()
    {
        await using var home = new SqliteHome();
        await home.OpenAsync();
        var storage = home.Get<SqliteStorage>();
        Assert.Null(await storage.CheckAsync(Ct));

        Directory.Move(Path.Combine(home.Folder, "tenants"), Path.Combine(home.Folder, "away"));
        Assert.Equal("data_folder_unusable", (await storage.CheckAsync(Ct))?.Code);
        Directory.Move(Path.Combine(home.Folder, "away"), Path.Combine(home.Folder, "tenants"));
        Assert.Null(await storage.CheckAsync(Ct));

        await storage.DisposeAsync();
        await storage.DisposeAsync();
        Assert.Equal("store_closed", (await storage.CheckAsync(Ct))?.Code);
        Assert.Equal("store_closed", (await Assert.ThrowsAsync<FaultException>(() => home.Get<ITenantDirectory>().FindAsync(Id<Tenant>.New(), Ct))).Fault.Code);
    }

    [Fact]
    public async Task Asked_before_it_is_open_the_storage_says_what_to_do()
    {
        await using var services = Storage(new() { DataFolder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()) });
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => services.GetRequiredService<ITenantDirectory>().FindAsync(Id<Tenant>.New(), Ct));
        Assert.Contains("OpenAsync", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Creating_a_tenant_makes_no_file_and_opening_its_store_does()
    {
        await using var home = await new SqliteHome().OpenAsync();
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(home.Folder, "tenants")));
        var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Run.For(Id<Tenant>.New()), Ct);
        Assert.Single(Directory.GetFiles(Path.Combine(home.Folder, "tenants"), "tenant.db", SearchOption.AllDirectories));
        await store.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => store.Sessions);
    }

    private static ServiceProvider Storage(StorageOptions options) =>
        new ServiceCollection().AddLogging().AddSingleton(TimeProvider.System).AddSqliteStorage(options).BuildServiceProvider();
}
