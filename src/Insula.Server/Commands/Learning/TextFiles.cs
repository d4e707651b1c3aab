using System.Text;

namespace Insula.Server.Commands.Learning;

/// <summary>A file to learn.</summary>
/// <param name="Source">Its name in the knowledge: the path as it was given, with '/'.</param>
internal sealed record TextFile(string Source, string Path, long Length);

/// <summary>A file that is passed over.</summary>
internal sealed record SkippedFile(string Source, string Why);

/// <summary>
/// Finds the texts among paths that a person gave. A file that is named is taken whatever it is called; a folder gives its
/// documents, by ending, without what is hidden, installed (<c>node_modules</c>) or reached through a link. Whether a file
/// is text at all is seen when it is read.
/// </summary>
internal sealed class TextFiles(Terminal terminal)
{
    public const long BytesMax = 16 * 1024 * 1024;

    public static readonly string[] Endings =
        [".md", ".markdown", ".mdx", ".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org", ".tex", ".csv", ".tsv"];

    private static readonly EnumerationOptions Plain = new() { AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint, IgnoreInaccessible = true };

    private readonly List<TextFile> _files = [];
    private readonly List<SkippedFile> _skipped = [];
    private readonly HashSet<string> _seen = [];

    public IReadOnlyList<TextFile> Files => _files;

    public IReadOnlyList<SkippedFile> Skipped => _skipped;

    public void Add(string given)
    {
        var path = terminal.PathOf(given);
        if (File.Exists(path)) AddFile(path, NameOf(given));
        else if (Directory.Exists(path)) AddFolder(path, NameOf(given));
        else throw new CommandException(ExitCode.Usage, $"There is no file or folder '{given}'.", $"Paths start at {terminal.Folder}.");
    }

    /// <summary>The text of a file's bytes, or why it is none.</summary>
    public static (string? Text, string? Why) Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0) return (null, "empty");
        if (bytes.Contains((byte)0)) return (null, "not text");
        try
        {
            var text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
            return string.IsNullOrWhiteSpace(text) ? (null, "empty") : (text.TrimStart('\uFEFF'), null);
        }
        catch (DecoderFallbackException)
        {
            return (null, "not UTF-8 text");
        }
    }

    private void AddFile(string path, string source)
    {
        if (!_seen.Add(path)) return;
        var length = new FileInfo(path).Length;
        if (length > BytesMax) _skipped.Add(new(source, $"larger than {BytesMax / 1024 / 1024} MB"));
        else _files.Add(new(source, path, length));
    }

    private void AddFolder(string folder, string source)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*", Plain).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (!IsHidden(name) && Endings.Contains(Path.GetExtension(name).ToLowerInvariant())) AddFile(path, Join(source, name));
        }

        foreach (var path in Directory.EnumerateDirectories(folder, "*", Plain).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (!IsHidden(name) && name is not "node_modules") AddFolder(path, Join(source, name));
        }
    }

    private static bool IsHidden(string name) => name.StartsWith('.');

    private static string NameOf(string given)
    {
        var name = given.Replace('\\', '/').TrimEnd('/');
        while (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        return name is "." ? "" : name;
    }

    private static string Join(string source, string name) => source.Length == 0 ? name : $"{source}/{name}";
}
