using Insula.Storage.Sqlite;

namespace Insula.Storage.Control;

/// <summary>The control store's file, for the stores that are wired before it is open.</summary>
internal sealed class ControlFile
{
    private SqliteFile? _file;

    /// <summary>Set once by <see cref="SqliteStorage"/> when it opens.</summary>
    public SqliteFile File
    {
        get => _file ?? throw new InvalidOperationException($"The control store is not open: await {nameof(SqliteStorage)}.{nameof(SqliteStorage.OpenAsync)} before serving.");
        set => _file = value;
    }
}
