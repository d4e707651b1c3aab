namespace Insula.TestKit;

/// <summary>
/// A page under docs/reference that is made from the program, checked in, and compared by a test: so a change of what
/// people rely on is seen in the change that makes it. <c>make docs</c> writes the pages anew.
/// </summary>
public static class ReferencePage
{
    private const string UpdateVariable = "UPDATE_REFERENCE";

    /// <summary>Null when the page is current; otherwise the first line that differs and what to do. While updating it writes the page.</summary>
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
        return $"{path} differs from the program at line {line + 1}:\n  page:    {have.ElementAtOrDefault(line)}\n  program: {want.ElementAtOrDefault(line)}\nRun 'make docs', look at the difference, and commit it with the change.";
    }
}
