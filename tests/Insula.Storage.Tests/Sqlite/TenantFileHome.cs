using Insula.Storage.Sqlite;
using Insula.Storage.TenantData;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>A data folder with tenants' files one level below the stores, for what only files can show.</summary>
internal sealed class TenantFileHome : IAsyncDisposable
{
    public TenantFileHome(int openMax = 256, int diskThreads = 4, TimeProvider? time = null)
    {
        Folder = Path.Combine(Path.GetTempPath(), "insula-storage-tests", Path.GetRandomFileName());
        Time = time ?? TimeProvider.System;
        Threads = new(diskThreads);
        DataFolder = DataFolder.Open(Folder);
        Files = new(DataFolder, Threads, new StorageOptions { DataFolder = Folder, OpenTenantsMax = openMax }, Time, NullLogger.Instance);
    }

    public string Folder { get; }

    public DataFolder DataFolder { get; }

    public DiskThreads Threads { get; }

    public TenantFiles Files { get; }

    public TimeProvider Time { get; }

    public string PathOf(Id<Tenant> tenant) => DataFolder.TenantFile(tenant);

    public Task<TenantFiles.Lease> LeaseAsync(Id<Tenant> tenant) => Files.LeaseAsync(tenant, TestContext.Current.CancellationToken).AsTask();

    /// <summary>Opens a tenant's file and lets it rest at once.</summary>
    public async Task TouchAsync(Id<Tenant> tenant)
    {
        using var lease = await LeaseAsync(tenant);
        await lease.File.ReadAsync(static link => link.Number("select count(*) from sessions"), TestContext.Current.CancellationToken);
    }

    public static SessionStore Sessions(SqliteFile file, Id<Tenant> tenant) => new(file, tenant.ToString(), new SessionQuota());

    /// <summary>Descriptors of this process that lead to files of tenants in this folder.</summary>
    public IReadOnlyList<string> Descriptors() => [.. OpenPaths().Where(path => path.StartsWith(Path.Combine(Folder, "tenants"), StringComparison.Ordinal))];

    public async ValueTask DisposeAsync()
    {
        await Files.DisposeAsync();
        Threads.Dispose();
        DataFolder.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static IEnumerable<string> OpenPaths()
    {
        foreach (var descriptor in Directory.GetFiles("/proc/self/fd"))
        {
            string? target = null;
            try
            {
                target = new FileInfo(descriptor).LinkTarget;
            }
            catch (IOException)
            {
                // Closed between the listing and the look.
            }

            if (target is not null) yield return target;
        }
    }
}
