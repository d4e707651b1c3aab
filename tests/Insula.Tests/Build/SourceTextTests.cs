using System.Text.RegularExpressions;
using Insula.TestKit;

namespace Insula.Tests.Build;

/// <summary>House rules that the text of the sources alone can show.</summary>
public sealed partial class SourceTextTests
{
    private const int FileLinesMax = 400;
    private const int ProgramLinesMax = 60;

    private static IReadOnlyList<string> Sources { get; } = Repository.Files("src", "*.cs");

    private static IReadOnlyList<string> SourcesAndTests { get; } = [.. Sources, .. Repository.Files("tests", "*.cs")];

    [Fact]
    public void Files_stay_short() =>
        Rule.Holds(from file in Sources
                   let lines = Lines(file).Length
                   where lines > FileLinesMax
                   select $"{file} has {lines} lines, at most {FileLinesMax}: split it by responsibility.");

    [Fact]
    public void Program_reads_like_a_table_of_contents()
    {
        var lines = Lines("src/Insula.Server/Program.cs").Length;
        Assert.True(lines <= ProgramLinesMax, $"Program.cs has {lines} lines, at most {ProgramLinesMax}: move the work into the slice that it belongs to.");
    }

    [Fact]
    public void A_note_for_later_names_its_issue() =>
        Rule.Holds(from file in (string[])[.. SourcesAndTests, .. Repository.Files("eng", "*"), .. Repository.Files("docs", "*.md")]
                   from line in Lines(file).Index()
                   where NoteForLater().IsMatch(line.Item) && !IssueNumber().IsMatch(line.Item)
                   select $"{file}:{line.Index + 1} has a note for later without an issue number (#12): do it, or open the issue.");

    [Fact]
    public void A_suppressed_warning_says_why() =>
        Rule.Holds(from file in SourcesAndTests
                   from line in Lines(file).Index()
                   where line.Item.Contains("#pragma warning disable", StringComparison.Ordinal) && !line.Item.Contains("//", StringComparison.Ordinal)
                   select $"{file}:{line.Index + 1} suppresses a warning without a reason on the line.");

    [Fact]
    public void Names_say_what_the_thing_does() =>
        Rule.Holds(from file in SourcesAndTests
                   from part in file.Split('/')
                   let name = part.Split('.')[0]
                   where VagueName().IsMatch(name)
                   select $"{file}: '{name}' says nothing; name it after its job.");

    [Fact]
    public void Files_have_no_regions() =>
        Rule.Holds(from file in SourcesAndTests
                   where Lines(file).Any(line => line.TrimStart().StartsWith("#region", StringComparison.Ordinal))
                   select $"{file} has a region: split the file instead.");

    [Theory]
    [InlineData("// TO" + "DO: mend this", true)]
    [InlineData("// FIX" + "ME later", true)]
    [InlineData("var todoList = 1;", false)]
    public void The_search_for_notes_finds_what_it_should(string line, bool found) => Assert.Equal(found, NoteForLater().IsMatch(line));

    [Theory]
    [InlineData("TenantManager", true)]
    [InlineData("StringUtils", true)]
    [InlineData("ManagedAgents", false)]
    [InlineData("Commands", false)]
    public void The_search_for_vague_names_finds_what_it_should(string name, bool found) => Assert.Equal(found, VagueName().IsMatch(name));

    private static string[] Lines(string file) => File.ReadAllLines(Repository.PathOf(file));

    // In two parts, so that the search does not find itself.
    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|XX" + @"X)\b", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NoteForLater();

    [GeneratedRegex(@"#\d+", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex IssueNumber();

    [GeneratedRegex("(Manager|Helpers?|Utils?|Utilities|Misc)$|^(Common|Core|Misc|Shared|Helpers?|Utils?)$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex VagueName();
}
