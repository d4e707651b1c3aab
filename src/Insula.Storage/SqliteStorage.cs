using Insula.Storage.Control;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>
/// The embedded storage: a control store and a file per tenant under one data folder. Open it before serving and dispose
/// it last: disposing finishes the writes under way, folds every log into its file and frees the folder.
/// </summary>
public sealed class SqliteStorage : IAsyncDisposable
{
    private readonly StorageOptions _options;
    private readonly ControlFile _control;
    private readonly TimeProvider _time;
    private DataFolder? _folder;
    private DiskThreads? _threads;

    internal SqliteStorage(StorageOptions options, ControlFile control, TimeProvider time)
    {
        options.Validate();
        _options = options;
        _control = control;
        _time = time;
    }

    /// <summary>
    /// Takes the data folder and opens the control store, making both when they are missing. Throws
    /// <see cref="FaultException"/> with a message for the operator: <c>data_folder_in_use</c>,
    /// <c>data_folder_unusable</c>, <c>store_unreadable</c>, <c>store_newer_than_program</c>, <c>store_migration_changed</c>.
    /// </summary>
    public Task OpenAsync(CancellationToken ct) => Task.Run(Open, ct);

    /// <summary>Null while the control store answers and tenants' files can be made; else what is wrong.</summary>
    public async Task<Fault?> CheckAsync(CancellationToken ct)
    {
        try
        {
            var file = _control.File;
            _ = await file.ReadAsync(static link => link.Number("select count(*) from schema_migrations"), ct);
            _folder!.Probe();
            return file.Failure;
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

    public async ValueTask DisposeAsync()
    {
        if (_folder is null) return;
        await _control.File.DisposeAsync();
        _threads!.Dispose();
        _folder.Dispose();
        _folder = null;
    }

    private void Open()
    {
        if (_folder is not null) throw new InvalidOperationException("The storage is open already.");
        var folder = DataFolder.Open(_options.DataFolder);
        var threads = new DiskThreads(_options.DiskThreads);
        try
        {
            _control.File = SqliteFile.Open(folder.ControlFile, Schema.Control, threads, _time);
        }
        catch
        {
            threads.Dispose();
            folder.Dispose();
            throw;
        }

        _folder = folder;
        _threads = threads;
    }
}
