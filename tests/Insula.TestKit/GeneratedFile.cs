namespace Insula.TestKit;

/// <summary>
/// A file that is made from the program, checked in, and compared by a test, so that a change of what people rely on is
/// seen in the change that makes it: the pages of docs/reference, the schemas. <c>make docs</c> writes them anew.
/// </summary>
public static class GeneratedFile
{
    private const string UpdateVariable = "UPDATE_GENERATED";

    /// <summary>Null when the file is current; otherwise the first line that differs and what to do. While updating it writes the file.</summary>
    public static string? Difference(string path, string generated)
    {
        var file = Repository.PathOf(path);
        if (Environment.GetEnvironmentVariable(UpdateVariable) is "1")
        {
            File.WriteAllText(file, generated);
            return null;
        }

        var checkedIn = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (checkedIn == generated) return null;

        var (have, want) = (checkedIn.Split('\n'), generated.Split('\n'));
        var line = have.Zip(want).TakeWhile(static pair => pair.First == pair.Second).Count();
        return $"{path} differs from the program at line {line + 1}:\n  file:    {have.ElementAtOrDefault(line)}\n  program: {want.ElementAtOrDefault(line)}\nRun 'make docs', look at the difference, and commit it with the change.";
    }
}
