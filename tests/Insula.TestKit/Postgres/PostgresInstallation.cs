using System.Diagnostics;

namespace Insula.TestKit.Postgres;

/// <summary>Debian's PostgreSQL on this machine: its programs, and the account that they run under.</summary>
public sealed class PostgresInstallation
{
    private const string Root = "/usr/lib/postgresql";
    private const string Account = "postgres";

    private PostgresInstallation(string folder) => Folder = folder;

    /// <summary>Where its programs are.</summary>
    public string Folder { get; }

    /// <summary>The newest version that is installed.</summary>
    public static PostgresInstallation Find()
    {
        var newest = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root).Where(static folder => File.Exists(Path.Combine(folder, "bin/initdb"))).MaxBy(VersionOf)
            : null;
        return newest is null
            ? throw new InvalidOperationException($"These tests need PostgreSQL, and {Root} holds none. Run them as root with 'make test', which installs it, or install it yourself: apt-get install postgresql")
            : new PostgresInstallation(Path.Combine(newest, "bin"));
    }

    /// <summary>
    /// A program to be started as the account that may run PostgreSQL, which refuses to run as root. No setting of the
    /// developer's own PostgreSQL reaches it.
    /// </summary>
    internal static ProcessStartInfo Start(string folder, params IEnumerable<string> command)
    {
        string[] account = Environment.IsPrivilegedProcess ? ["setpriv", $"--reuid={Account}", $"--regid={Account}", "--init-groups"] : [];
        string[] words = [.. account, .. command];
        var info = new ProcessStartInfo(words[0], words[1..])
        {
            UseShellExecute = false,
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in info.Environment.Keys.Where(static key => key.StartsWith("PG", StringComparison.Ordinal)).ToList()) info.Environment.Remove(name);
        return info;
    }

    /// <summary>Gives a folder and what is in it to that account.</summary>
    internal static async Task OwnAsync(string folder, CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess) return;

        using var chown = Process.Start("chown", ["-R", $"{Account}:{Account}", folder]);
        await chown.WaitForExitAsync(ct);
        if (chown.ExitCode != 0) throw new InvalidOperationException($"chown to {Account} failed: does Debian's package 'postgresql' stand as it was installed?");
    }

    private static double VersionOf(string folder) => double.TryParse(Path.GetFileName(folder), out var version) ? version : 0;
}
