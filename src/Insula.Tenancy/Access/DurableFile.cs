using System.Runtime.InteropServices;
using System.Text;

namespace Insula.Tenancy.Access;

/// <summary>
/// Writes a file that is whole and on disk, with its name, when the call ends: the bytes are synced, then the name, then
/// the folder that holds it. A crash leaves the whole file or none.
/// </summary>
internal static class DurableFile
{
    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerFile | UnixFileMode.UserExecute;

    /// <summary>Creates the file, and its folder if need be, for the owner's eyes only; throws <see cref="IOException"/> when it exists.</summary>
    public static void Create(string path, string text)
    {
        var full = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(full)!;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, OwnerFolder);

        var draft = $"{full}.{Environment.ProcessId}.new";
        File.Delete(draft);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerFile;
        using (var file = new FileStream(draft, options))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, full, overwrite: false);
        if (!OperatingSystem.IsWindows()) SyncFolder(folder);
    }

    private static void SyncFolder(string folder)
    {
        // .NET opens no folders, so the two calls go to libc.
        var descriptor = OpenFolder(Encoding.UTF8.GetBytes(folder + '\0'), 0);
        if (descriptor < 0) throw new IOException($"The folder {folder} cannot be opened to sync it.");
        try
        {
            if (Sync(descriptor) != 0) throw new IOException($"The folder {folder} cannot be synced.");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int OpenFolder(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int descriptor);
}
