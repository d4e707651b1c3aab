namespace Insula.TestKit;

/// <summary>The checked-out tree that the running tests were built from.</summary>
public static class Repository
{
    /// <summary>Full path of the folder that holds <c>Insula.slnx</c>.</summary>
    public static string Root { get; } = FindRoot();

    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    public static string Read(string path) => File.ReadAllText(PathOf(path));

    /// <summary>Files under a folder by pattern, as paths from the root with '/', in a stable order; build output and packages are left out.</summary>
    public static IReadOnlyList<string> Files(string folder, string pattern) =>
    [
        .. Directory.EnumerateFiles(PathOf(folder), pattern, SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Contains("/node_modules/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Insula.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"No Insula.slnx above {AppContext.BaseDirectory}: run the tests from where they were built.");
    }
}
