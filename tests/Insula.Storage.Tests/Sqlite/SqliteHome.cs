using Insula.Agents;
using Insula.Storage.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>A data folder of its own, under the temporary folder, and the storage on it; reopened at will.</summary>
internal sealed class SqliteHome : IAsyncDisposable
{
    private ServiceProvider? _services;

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "insula-storage-tests", Path.GetRandomFileName());

    public StorageOptions Options => new() { DataFolder = Folder, OpenTenantsMax = OpenTenantsMax, OpenWait = OpenWait };

    public int OpenTenantsMax { get; init; } = 256;

    public TimeSpan OpenWait { get; init; } = TimeSpan.FromSeconds(10);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public IServiceProvider Services => _services!;

    public T Get<T>()
        where T : notnull => _services!.GetRequiredService<T>();

    public async Task<SqliteHome> OpenAsync()
    {
        var services = new ServiceCollection().AddLogging().AddSingleton(Time).AddSqliteStorage(Options).BuildServiceProvider();
        try
        {
            await services.GetRequiredService<SqliteStorage>().OpenAsync(TestContext.Current.CancellationToken);
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }

        _services = services;
        return this;
    }

    public async Task<ITenantStores> OpenStoresAsync() => (await OpenAsync()).Get<ITenantStores>();

    public async Task<ITenantStores> ReopenStoresAsync()
    {
        await ReopenAsync();
        return Get<ITenantStores>();
    }

    public async Task CloseAsync()
    {
        if (_services is null) return;
        await _services.DisposeAsync();
        _services = null;
    }

    public async Task ReopenAsync()
    {
        await CloseAsync();
        await OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A database with the product's rules for one connection, for looking at files from outside.</summary>
    public static SqliteLink Look(string path) => SqliteLink.Open(path);
}
