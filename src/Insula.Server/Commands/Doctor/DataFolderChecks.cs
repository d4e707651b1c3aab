using Insula.Storage;

namespace Insula.Server.Commands.Doctor;

/// <summary>Whether the data folder can hold the data: written, durable at a fair speed, with room left.</summary>
internal sealed class DataFolderChecks(string folder, TimeProvider time)
{
    private const int SyncRounds = 32;
    private const int SyncBytes = 4096;
    private const long FreeBytesEnough = 1L << 30;
    private const long FreeBytesLeast = 100L << 20;
    private static readonly TimeSpan SyncSlow = TimeSpan.FromMilliseconds(20);

    /// <summary>The folder, or where it would be made.</summary>
    private readonly string _standing = Standing(folder);

    /// <param name="embedded">Whether the stores are in it.</param>
    public IEnumerable<CheckResult> Run(bool embedded)
    {
        var writable = Writable();
        yield return writable;
        if (embedded) yield return ControlStore();
        yield return Space();
        if (writable.Status == CheckStatus.Ok) yield return Sync();
    }

    private CheckResult Writable()
    {
        const string name = "data folder";
        try
        {
            using var probe = Probe();
            return CheckResult.Ok(name, _standing == folder ? $"{folder} can be written" : $"{folder} does not exist yet and can be made");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return CheckResult.Fail(name, $"{_standing} cannot be written: {error.Message}", "Give this user write access to it, or choose another folder with --data.");
        }
    }

    private CheckResult ControlStore()
    {
        const string name = "control store";
        var state = InspectDataFolder.Inspect(folder);
        if (state.Fault is { } fault) return CheckResult.Fail(name, fault.Message, "The file is left as it is. Start the program that fits it, or restore it from a backup.");
        var found = state.HasControlStore ? "readable, of a version that this program knows" : "not made yet; the first 'insula up' makes it";
        return CheckResult.Ok(name, state.Holder is { } holder ? $"{found}; in use by the server with process {holder}" : found);
    }

    private CheckResult Space()
    {
        const string name = "free space";
        var free = new DriveInfo(_standing).AvailableFreeSpace;
        var found = $"{free / (1L << 20)} MB where {_standing} is";
        if (free < FreeBytesLeast) return CheckResult.Fail(name, found, "Free some space: writes will fail soon.");
        return free < FreeBytesEnough ? CheckResult.Warn(name, found, "Free some space, at least 1 GB.") : CheckResult.Ok(name, found);
    }

    /// <summary>What one durable write costs: every acknowledged change waits for one of these, shared with those that come at the same moment.</summary>
    private CheckResult Sync()
    {
        const string name = "durable writes";
        var rounds = new TimeSpan[SyncRounds];
        using (var probe = Probe())
        {
            var block = new byte[SyncBytes];
            for (var i = 0; i < SyncRounds; i++)
            {
                var start = time.GetTimestamp();
                probe.Write(block);
                probe.Flush(flushToDisk: true);
                rounds[i] = time.GetElapsedTime(start);
            }
        }

        Array.Sort(rounds);
        var median = rounds[SyncRounds / 2];
        var found = $"{median.TotalMilliseconds:0.00} ms for 4 KB (median of {SyncRounds}, slowest {rounds[^1].TotalMilliseconds:0.0} ms)";
        return median > SyncSlow
            ? CheckResult.Warn(name, found, "Put the data folder on a local SSD: every change waits for this.")
            : CheckResult.Ok(name, found);
    }

    private FileStream Probe() => new(
        Path.Combine(_standing, $".insula-doctor-{Environment.ProcessId}"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);

    private static string Standing(string folder)
    {
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent) folder = parent;
        return folder;
    }
}
