using Insula.Tenancy.Faults;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Insula.Storage.Sqlite;

/// <summary>The one place where the engine's errors become faults. Paths and engine texts go to the log half only.</summary>
internal static class SqliteFaults
{
    public static Fault Unreadable(string what, string detail) => Fault.Unavailable(
        "store_unreadable",
        $"The {what} cannot be read and was left as it is. Restore it from a backup, or move it away and keep it for repair.",
        detail);

    public static Fault Failed(string what, string? detail = null) => Fault.Unavailable(
        "store_failed",
        $"The disk refused a write to the {what}; nothing acknowledged was lost. Mend the disk, then restart the server.",
        detail);

    public static Fault Closed(string what) => Fault.Unavailable("store_closed", $"The {what} is closing. Try again in a moment.");

    /// <summary>The fault for an error of the engine; the error itself when it is a bug of ours (a broken constraint or statement).</summary>
    public static Exception Map(Exception error, string what) => error is SqliteException sqlite && FaultOf(sqlite, what) is { } fault
        ? new FaultException(fault, sqlite)
        : error;

    /// <summary>Whether the file must take no more writes: after a failed write or flush nobody knows what the disk holds.</summary>
    public static bool IsFatal(Exception error) => error is SqliteException { SqliteErrorCode: raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN };

    private static Fault? FaultOf(SqliteException error, string what)
    {
        var detail = $"{what}: SQLite error {error.SqliteErrorCode} ({error.SqliteExtendedErrorCode}): {error.Message}";
        return error.SqliteErrorCode switch
        {
            raw.SQLITE_FULL => Fault.Unavailable("store_full", $"The disk of the {what} is full; nothing was changed. Free some space and try again.", detail),
            raw.SQLITE_IOERR or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN => Failed(what, detail),
            raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => Unreadable(what, detail),
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED => Fault.Unavailable("store_busy", $"The {what} is held by another program. Stop that program and try again.", detail),
            _ => null,
        };
    }
}
