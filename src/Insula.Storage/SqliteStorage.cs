using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Microsoft.Extensions.Logging;

namespace Insula.Storage;

/// <summary>
/// The embedded storage: a control store and a file per tenant under one data folder. Open it before serving and dispose
/// it last: disposing finishes the writes under way, folds every log into its file and frees the folder.
/// </summary>
public sealed class SqliteStorage : InstalledStorage
{
    private readonly StorageOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<SqliteStorage> _log;
    private Parts? _open;
    private bool _disposed;

    internal SqliteStorage(StorageOptions options, TimeProvider time, ILogger<SqliteStorage> log)
    {
        options.Validate();
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>The control store's file. The stores ask for it at each call, because they are wired before it is open.</summary>
    internal SqliteFile Control => Open.Control;

    internal TenantFiles TenantFiles => Open.Tenants;

    private Parts Open => _open ?? throw (_disposed
        ? new FaultException(SqliteFaults.Closed("storage"))
        : new InvalidOperationException($"The storage is not open: await {nameof(OpenAsync)} before serving."));

    /// <summary>
    /// Takes the data folder and opens the control store, making both when they are missing. Throws
    /// <see cref="FaultException"/> with a message for the operator: <c>data_folder_in_use</c>,
    /// <c>data_folder_unusable</c>, <c>store_unreadable</c>, <c>store_newer_than_program</c>, <c>store_migration_changed</c>.
    /// </summary>
    public override async Task OpenAsync(CancellationToken ct)
    {
        await Task.Run(OpenParts, ct);

        // The folder is ours alone, so whoever held a lease is gone.
        await Open.Control.WriteAsync(static link => link.Run(RunQueueSql.ReleaseAll), ct);
    }

    public override Task<IAsyncDisposable> HoldStartAsync(CancellationToken ct) => Task.FromResult<IAsyncDisposable>(new HeldFolder());

    /// <summary>Null while the control store answers and tenants' files can be made; else what is wrong.</summary>
    public override async Task<Fault?> CheckAsync(CancellationToken ct)
    {
        try
        {
            var open = Open;
            _ = await open.Control.ReadAsync(static link => link.Number("select count(*) from schema_migrations"), ct);
            open.Folder.Probe();
            return open.Control.Failure;
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return Fault.Unavailable("data_folder_unusable", "The data folder cannot be written, or is not open yet.", error.Message);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _disposed = true;
        if (Interlocked.Exchange(ref _open, null) is not { } open) return;
        await open.Tenants.DisposeAsync();
        await open.Control.DisposeAsync();
        open.Threads.Dispose();
        open.Folder.Dispose();
    }

    private void OpenParts()
    {
        if (_open is not null) throw new InvalidOperationException("The storage is open already.");
        var folder = DataFolder.Open(_options.DataFolder);
        var threads = new DiskThreads(_options.DiskThreads);
        try
        {
            var control = SqliteFile.Open(folder.ControlFile, Schema.Control, threads, _time);
            _open = new(folder, threads, control, new(folder, threads, _options, _time, _log));
        }
        catch
        {
            threads.Dispose();
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The folder's own lock is held as long as the storage is open.</summary>
    private sealed class HeldFolder : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed record Parts(DataFolder Folder, DiskThreads Threads, SqliteFile Control, TenantFiles Tenants);
}
