using System.ComponentModel;
using System.Runtime.InteropServices;
using Insula.Tenancy.Faults;
using Microsoft.Win32.SafeHandles;

namespace Insula.Storage.Sqlite;

/// <summary>Folders on the disk: private, free of links, and durable (a file's name is in its folder, which needs a flush of its own).</summary>
internal static class Folder
{
    /// <summary>Makes the folder with mode 0700 when it is missing, and puts its name on disk.</summary>
    public static void Ensure(string path, string what)
    {
        RefuseLink(path, what);
        if (Directory.Exists(path)) return;
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Flush(Path.GetDirectoryName(path)!);
    }

    /// <summary>Opens a file for this process alone, with mode 0600 where it is new.</summary>
    public static FileStream CreateFile(string path, FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new(path, options);
    }

    private static int ReadOnlyCloseOnExec => OperatingSystem.IsLinux() ? 0x80000 : 0;

    /// <summary>Throws when the path is a symbolic link: it would lead out of the data folder.</summary>
    public static void RefuseLink(string path, string what)
    {
        if (new FileInfo(path).LinkTarget is null) return;
        throw new FaultException(Fault.Unavailable("store_symlink", $"The {what} is reached through a symbolic link, which is refused. Put the data itself in its place.", path));
    }

    /// <summary>Opens a file for reading that another process holds: .NET itself asks for a shared lock even when it may share everything, and would be refused.</summary>
    public static FileStream OpenBesideLock(string path)
    {
        if (OperatingSystem.IsWindows()) return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var handle = new SafeFileHandle(Open(path, ReadOnlyCloseOnExec), ownsHandle: true);
        if (!handle.IsInvalid) return new FileStream(handle, FileAccess.Read);
        handle.Dispose();
        throw new IOException($"{path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

    /// <summary>Flushes a folder's names. .NET opens no folders, hence the three calls of the system.</summary>
    public static void Flush(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        using var handle = new SafeFileHandle(Open(path, ReadOnlyCloseOnExec), ownsHandle: true);
        if (handle.IsInvalid || FSync(handle) != 0) throw new IOException($"{path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int FSync(SafeFileHandle handle);
}
