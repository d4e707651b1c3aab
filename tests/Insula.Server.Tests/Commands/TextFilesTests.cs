using Insula.Server.Commands;
using Insula.Server.Commands.Learning;
using Insula.TestKit;

namespace Insula.Server.Tests.Commands;

public sealed class TextFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_gives_its_documents_under_the_names_as_given()
    {
        Write("docs/a.md", "docs/deep/er/b.TXT", "docs/code.cs", "docs/.hidden.md", "docs/.git/c.md", "docs/node_modules/d.md", "README.md", "LICENSE");

        Assert.Equal(["README.md", "docs/a.md", "docs/deep/er/b.TXT"], Find("README.md", "docs/").Files.Select(file => file.Source));
        Assert.Equal(["docs/a.md", "docs/deep/er/b.TXT"], Find("./docs").Files.Select(file => file.Source));
        Assert.Equal(["README.md", "docs/a.md", "docs/deep/er/b.TXT"], Find(".").Files.Select(file => file.Source));
    }

    [Fact]
    public void A_file_that_is_named_is_taken_whatever_it_is_called()
    {
        Write("LICENSE", ".env");

        Assert.Equal(["LICENSE", ".env"], Find("LICENSE", ".env").Files.Select(file => file.Source));
    }

    [Fact]
    public void A_file_named_twice_is_taken_once()
    {
        Write("docs/a.md");

        Assert.Single(Find("docs/a.md", "docs").Files);
    }

    [Fact]
    public void A_link_to_a_folder_above_does_not_lead_in_circles()
    {
        Write("docs/a.md");
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "docs", "up"), _folder.Path);

        Assert.Single(Find("docs").Files);
    }

    [Fact]
    public void A_file_over_the_limit_is_passed_over_with_the_reason()
    {
        using (var file = File.Create(Path.Combine(_folder.Path, "big.txt"))) file.SetLength(TextFiles.BytesMax + 1);
        using (var file = File.Create(Path.Combine(_folder.Path, "fits.txt"))) file.SetLength(TextFiles.BytesMax);

        var found = Find("big.txt", "fits.txt");

        Assert.Equal("fits.txt", Assert.Single(found.Files).Source);
        Assert.Equal("larger than 16 MB", Assert.Single(found.Skipped).Why);
    }

    [Fact]
    public void A_path_that_is_not_there_is_an_error_that_names_it()
    {
        var error = Assert.Throws<CommandException>(() => Find("dcos/"));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("dcos/", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { }, "empty")]
    [InlineData(new byte[] { 0x20, 0x0A }, "empty")]
    [InlineData(new byte[] { 0x41, 0x00, 0x42 }, "not text")]
    [InlineData(new byte[] { 0xC3, 0x28 }, "not UTF-8 text")]
    public void Bytes_that_are_no_text_are_told_apart(byte[] bytes, string why) => Assert.Equal(why, TextFiles.Decode(bytes).Why);

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_text() => Assert.Equal("Ä", TextFiles.Decode([0xEF, 0xBB, 0xBF, 0xC3, 0x84]).Text);

    private TextFiles Find(params string[] given)
    {
        var texts = new TextFiles(new Terminal
        {
            In = TextReader.Null,
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            Environment = new Dictionary<string, string>(),
            Folder = _folder.Path,
            Time = TimeProvider.System,
        });
        foreach (var path in given) texts.Add(path);
        return texts;
    }

    private void Write(params string[] files)
    {
        foreach (var file in files)
        {
            var path = Path.Combine(_folder.Path, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "text");
        }
    }
}
