using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Sqlite;

/// <summary>
/// The data folder, held by one server at a time through a lock on <c>insula.lock</c>. A tenant's path is made of the hex
/// digits of its id's value and of nothing else: no text from outside reaches a path, and file systems that fold case
/// keep tenants apart.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    public const string ControlFileName = "control.db";
    private const string LockFileName = "insula.lock";

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    public string Path { get; }

    public string ControlFile => System.IO.Path.Combine(Path, ControlFileName);

    private string Tenants => System.IO.Path.Combine(Path, "tenants");

    public static DataFolder Open(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        try
        {
            // The folder itself may be a link: where the data live is the operator's choice.
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path) ?? path);
                Folder.Ensure(path, "data folder");
            }

            var held = Hold(System.IO.Path.Combine(path, LockFileName));
            var folder = new DataFolder(path, held);
            Folder.Ensure(folder.Tenants, "tenants' folder");
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(Fault.Unavailable("data_folder_unusable", $"The data folder {path} cannot be used: {error.Message} Give this user write access to it, or choose another folder."), error);
        }
    }

    public string TenantFile(Id<Tenant> tenant) => TenantFileIn(Path, tenant);

    /// <summary>Where a tenant's file is in a data folder, be it there or not.</summary>
    public static string TenantFileIn(string folder, Id<Tenant> tenant)
    {
        var digits = tenant.Value.ToString("x32");
        return System.IO.Path.Combine(folder, "tenants", digits[..2], digits, "tenant.db");
    }

    /// <summary>Makes the tenant's folder when it is missing; every part below the data folder must be a real folder.</summary>
    public void EnsureTenantFolder(Id<Tenant> tenant)
    {
        var folder = TenantFolder(tenant);
        Folder.Ensure(Tenants, "tenants' folder");
        Folder.Ensure(System.IO.Path.GetDirectoryName(folder)!, "tenant's folder");
        Folder.Ensure(folder, "tenant's folder");
    }

    /// <summary>Throws when files cannot be made in the tenants' folder.</summary>
    public void Probe()
    {
        // A name of its own, because several may look at once.
        var probe = System.IO.Path.Combine(Tenants, $".probe-{Base62.Random(12)}");
        using var file = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>The process of the server that holds the folder, or null when none does. Takes the lock for a moment, shared, and changes nothing.</summary>
    public static string? HolderOf(string path)
    {
        var file = System.IO.Path.Combine(path, LockFileName);
        if (!File.Exists(file)) return null;
        try
        {
            using var free = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            return null;
        }
        catch (IOException)
        {
            return Holder(file);
        }
    }

    public static Fault InUse(string? folder, string holder) => Fault.Unavailable(
        "data_folder_in_use", $"The data folder {folder} is in use by another Insula server (process {holder}). Stop it, or choose another folder.");

    private static FileStream Hold(string path)
    {
        Folder.RefuseLink(path, "lock file");
        try
        {
            var held = Folder.CreateFile(path, FileMode.OpenOrCreate);
            held.SetLength(0);
            held.Write(System.Text.Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"));
            held.Flush();
            return held;
        }
        catch (IOException error) when (File.Exists(path))
        {
            var folder = System.IO.Path.GetDirectoryName(path);
            throw new FaultException(InUse(folder, Holder(path)), error);
        }
    }

    private static string Holder(string path)
    {
        try
        {
            using var reader = new StreamReader(Folder.OpenBesideLock(path));
            return reader.ReadLine() is { Length: > 0 } line ? line : "unknown";
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    private string TenantFolder(Id<Tenant> tenant) => System.IO.Path.GetDirectoryName(TenantFileIn(Path, tenant))!;
}
