namespace Insula.Server.Commands.Output;

/// <summary>
/// Text from a server, a model or a file, made safe to show: control characters, among them the escape that steers a
/// terminal, become a visible mark. A document that an agent quotes must not be able to move the cursor or paint a prompt.
/// </summary>
internal static class PlainText
{
    private const char Mark = '\uFFFD';

    /// <summary>One line: breaks and tabs become spaces.</summary>
    public static string Line(string text) => Clean(text, keepLines: false);

    /// <summary>Keeps breaks and tabs.</summary>
    public static string Lines(string text) => Clean(text, keepLines: true);

    /// <summary>A number of things, in words: <c>1 file</c>, <c>2 files</c>.</summary>
    public static string Count(int number, string thing) => number == 1 ? $"1 {thing}" : $"{number} {thing}s";

    private static string Clean(string text, bool keepLines)
    {
        if (!text.Any(char.IsControl)) return text;
        return string.Create(text.Length, (text, keepLines), static (span, state) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                var c = state.text[i];
                span[i] = c switch
                {
                    '\n' or '\t' or '\r' => state.keepLines ? c : ' ',
                    _ => char.IsControl(c) ? Mark : c,
                };
            }
        });
    }
}
