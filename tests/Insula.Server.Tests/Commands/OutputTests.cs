using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Insula.Server.Commands;
using Insula.Server.Commands.Output;
using YamlDotNet.RepresentationModel;

namespace Insula.Server.Tests.Commands;

public sealed class OutputTests
{
    [Fact]
    public void Text_from_outside_cannot_steer_the_terminal()
    {
        Assert.Equal("\uFFFD[2Jgone", PlainText.Line("\u001b[2Jgone"));
        Assert.Equal("a b", PlainText.Line("a\nb"));
        Assert.Equal("a\n\tb\uFFFD", PlainText.Lines("a\n\tb\u009b"));
    }

    [Fact]
    public void Yaml_reads_back_as_the_text_it_was_made_from() =>
        Prop.ForAll<string[]>(texts =>
        {
            // YAML has no way to write what Unicode calls no character, nor half a pair.
            var sent = texts.Select(text => new string([.. (text ?? "").Where(c => !char.IsSurrogate(c) && !char.IsControl(c) && c is not ('\uFFFE' or '\uFFFF'))])).ToArray();
            var stream = new YamlStream();
            stream.Load(new StringReader(YamlText.Of(JsonSerializer.SerializeToElement(new { texts = sent }))));
            var list = (YamlSequenceNode)((YamlMappingNode)stream.Documents[0].RootNode)["texts"];
            return list.Children.Cast<YamlScalarNode>().Select(node => node.Value).SequenceEqual(sent);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("true", "\"true\"")]
    [InlineData("0123", "\"0123\"")]
    [InlineData("null", "\"null\"")]
    [InlineData("no", "no")]
    [InlineData("plain", "plain")]
    public void Text_that_looks_like_something_else_is_quoted(string text, string yaml) =>
        Assert.Equal($"a: {yaml}", YamlText.Of(JsonSerializer.SerializeToElement(new { a = text })));

    [Theory]
    [InlineData("12", JsonValueKind.Number)]
    [InlineData("-1.5e3", JsonValueKind.Number)]
    [InlineData("1.2.3", JsonValueKind.String)]
    [InlineData("true", JsonValueKind.True)]
    [InlineData("no", JsonValueKind.String)]
    [InlineData("~", JsonValueKind.Null)]
    [InlineData("Infinity", JsonValueKind.String)]
    public void Plain_scalars_follow_the_core_schema(string plain, JsonValueKind kind) => Assert.Equal(kind, YamlScalars.Resolve(plain).ValueKind);

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("15m", 900)]
    [InlineData("12h", 43200)]
    [InlineData("30d", 2592000)]
    public void A_span_of_time_is_read(string text, int seconds) => Assert.Equal(seconds, Durations.Parse("--overlap", text).TotalSeconds);

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("-5m")]
    [InlineData("1w")]
    [InlineData("99999999999d")]
    public void A_wrong_span_is_refused(string text) => Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => Durations.Parse("--overlap", text)).ExitCode);
}
