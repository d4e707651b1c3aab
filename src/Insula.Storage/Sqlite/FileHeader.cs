using System.Buffers.Binary;
using Insula.Tenancy.Faults;

namespace Insula.Storage.Sqlite;

/// <summary>
/// Looks at a file's first 100 bytes before the engine opens it, because the engine may write to a file merely by
/// opening it (recovery of a log). Offsets are those of the SQLite file format, section 1.3. Never called on a file that
/// is open: closing any descriptor of it would drop the engine's locks.
/// </summary>
internal static class FileHeader
{
    private const int Length = 100;
    private const int PageSizeAt = 16;
    private const int PageCountAt = 28;
    private const int UserVersionAt = 60;
    private const int ApplicationIdAt = 68;

    /// <summary>False when there is no file yet; throws when there is one that this program must not touch.</summary>
    public static bool Check(string path, Schema schema) => VersionOf(path, schema) > 0;

    /// <summary>The schema's version as the header has it, 0 when there is no file yet; throws when there is one that this program must not touch.</summary>
    public static int VersionOf(string path, Schema schema)
    {
        foreach (var file in (ReadOnlySpan<string>)[path, path + "-wal", path + "-shm", path + "-journal"]) Folder.RefuseLink(file, schema.Name);
        var log = new FileInfo(path + "-wal");
        if (!File.Exists(path))
        {
            // The engine would play a stray log into the new file.
            if (log is { Exists: true, Length: > 0 }) throw Refuse(schema, path, "the log stands without its file");
            return 0;
        }

        Span<byte> header = stackalloc byte[Length];
        long size;
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0))
        {
            size = file.Length;
            if (file.ReadAtLeast(header, Length, throwOnEndOfStream: false) < Length) throw Refuse(schema, path, $"{size} bytes are too few");
        }

        if (!header.StartsWith("SQLite format 3\0"u8)) throw Refuse(schema, path, "not a SQLite file");
        if (BinaryPrimitives.ReadInt32BigEndian(header[ApplicationIdAt..]) != schema.ApplicationId) throw Refuse(schema, path, "written by another application");
        var version = BinaryPrimitives.ReadInt32BigEndian(header[UserVersionAt..]);
        Migrator.RefuseVersion(version, schema);

        // With a log the file may be short for a moment: the log holds the rest.
        int pageSize = BinaryPrimitives.ReadUInt16BigEndian(header[PageSizeAt..]) is 1 ? 65536 : BinaryPrimitives.ReadUInt16BigEndian(header[PageSizeAt..]);
        var pages = BinaryPrimitives.ReadUInt32BigEndian(header[PageCountAt..]);
        if (log is not { Exists: true, Length: > 0 } && size < pages * pageSize) throw Refuse(schema, path, $"{size} bytes where {pages * pageSize} belong: cut off");
        return version;
    }

    private static FaultException Refuse(Schema schema, string path, string why) => new(SqliteFaults.Unreadable(schema.Name, $"{path}: {why}"));
}
