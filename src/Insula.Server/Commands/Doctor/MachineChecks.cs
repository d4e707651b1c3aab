using System.Globalization;
using System.Runtime.InteropServices;

namespace Insula.Server.Commands.Doctor;

/// <summary>What the machine gives to any server on it.</summary>
internal static class MachineChecks
{
    private const int RuntimeMajor = 10;

    // 256 open tenants hold at most 3 files each; the rest is for connections.
    private const long OpenFilesEnough = 4096;

    public static CheckResult Runtime()
    {
        var found = $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.RuntimeIdentifier}, {Environment.ProcessorCount} processors";
        return Environment.Version.Major >= RuntimeMajor
            ? CheckResult.Ok("runtime", found)
            : CheckResult.Fail("runtime", found, $"Install the .NET {RuntimeMajor} runtime.");
    }

    public static CheckResult OpenFiles()
    {
        const string name = "open files";
        if (ReadOpenFilesLimit() is not { } limit) return CheckResult.Ok(name, "no limit is known on this system");
        return limit >= OpenFilesEnough
            ? CheckResult.Ok(name, $"limit {(limit == long.MaxValue ? "none" : limit.ToString(CultureInfo.InvariantCulture))}")
            : CheckResult.Warn(name, $"limit {limit}, fewer than {OpenFilesEnough}: many tenants or connections at once will be refused", "Raise it: 'ulimit -n 65536' in the shell, or LimitNOFILE=65536 in the service's unit.");
    }

    /// <summary>A clock that is behind the program's own files makes keys that never end and logs that run backwards.</summary>
    public static CheckResult Clock(TimeProvider time)
    {
        var now = time.GetUtcNow();
        var built = File.GetLastWriteTimeUtc(typeof(MachineChecks).Assembly.Location);
        return now.UtcDateTime >= built.AddMinutes(-5)
            ? CheckResult.Ok("clock", now.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "Z")
            : CheckResult.Fail("clock", $"{now:u} is before this program was built ({built:u})", "Set the clock, and let it be kept by NTP (timedatectl set-ntp true).");
    }

    // The runtime raises its own limit to the hard one at start, so this is what a server would have too.
    private static long? ReadOpenFilesLimit()
    {
        const string limits = "/proc/self/limits";
        if (!File.Exists(limits)) return null;
        var line = File.ReadLines(limits).FirstOrDefault(static line => line.StartsWith("Max open files", StringComparison.Ordinal));
        var soft = line?["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return soft is "unlimited" ? long.MaxValue : long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }
}
