namespace Insula.TestKit.Postgres;

/// <summary>Linux's table of processes, as /proc shows it to everybody.</summary>
public static class ProcessTree
{
    /// <summary>The letter of its state; null when it has ended, even if its parent has not noticed yet.</summary>
    public static char? State(int pid) => Read(pid) is { State: not ('Z' or 'X') } process ? process.State : null;

    public static IReadOnlyList<int> Children(int parent) =>
        [.. from folder in Directory.EnumerateDirectories("/proc")
            where int.TryParse(Path.GetFileName(folder), out _)
            let pid = int.Parse(Path.GetFileName(folder))
            where Read(pid)?.Parent == parent
            select pid];

    private static (char State, int Parent)? Read(int pid)
    {
        try
        {
            // "12 (a name (with) brackets) S 1 …"
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1]));
        }
        catch (IOException)
        {
            // It ended meanwhile.
            return null;
        }
    }
}
