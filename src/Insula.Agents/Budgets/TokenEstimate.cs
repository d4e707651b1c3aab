using Insula.Agents.Models;

namespace Insula.Agents.Budgets;

/// <summary>
/// How many tokens a request takes in, for whoever has to know before the provider says so. At most, for money that has to
/// be there before it is sent: too high costs nothing, since what is not used comes back, and too low would spend what
/// nobody has. Likely, for an answer that was cut off, of which the provider never says what it took. At least, to tell a
/// count from what some servers say before they have counted.
/// </summary>
internal static class TokenEstimate
{
    /// <summary>What providers say of English prose.</summary>
    private const int CharactersOfToken = 4;

    private const int ForRequest = 50;
    private const int ForMessage = 10;
    private const int ForTools = 1000;

    /// <summary>More than any provider counts for one picture.</summary>
    private const int ForPicture = 6000;

    /// <summary>Longer words are ids and encoded bytes rather than words.</summary>
    private const int WordLettersMax = 20;

    public static long Likely(int characters) => (characters + CharactersOfToken - 1) / CharactersOfToken;

    public static long Likely(ModelRequest request) => Likely(
        (request.System?.Length ?? 0)
        + request.Tools.Sum(static tool => tool.Name.Length + tool.Description.Length + tool.InputSchema.GetRawText().Length)
        + request.Messages.SelectMany(static message => message.Content).Sum(static content => content switch
        {
            TextContent text => text.Text.Length,
            ToolCallContent call => call.Name.Length + call.Input.GetRawText().Length,
            ToolResultContent result => result.Text.Length,
            _ => 0,
        }));

    /// <summary>Of the text alone, since pictures and what stands around the text count as each provider likes.</summary>
    public static long AtLeast(ModelRequest request)
    {
        var tokens = AtLeast(request.System);
        foreach (var content in request.Messages.SelectMany(static message => message.Content))
        {
            tokens += content switch
            {
                TextContent text => AtLeast(text.Text),
                ToolResultContent result => AtLeast(result.Text),
                _ => 0,
            };
        }

        return tokens;
    }

    /// <summary>
    /// Text that models cut into many tokens counts for many: digits, signs, long words without a blank, and every script but
    /// Latin.
    /// </summary>
    public static long AtMost(ModelRequest request)
    {
        var sixths = SixthsOf(request.System);
        long whole = ForRequest + (request.Tools.Count > 0 ? ForTools : 0);
        foreach (var tool in request.Tools)
        {
            sixths += SixthsOf(tool.Name) + SixthsOf(tool.Description) + SixthsOf(tool.InputSchema.GetRawText());
            whole += ForMessage;
        }

        foreach (var content in request.Messages.SelectMany(static message => message.Content))
        {
            whole += ForMessage;
            sixths += content switch
            {
                TextContent text => SixthsOf(text.Text),
                ToolCallContent call => SixthsOf(call.Name) + SixthsOf(call.Input.GetRawText()),
                ToolResultContent result => SixthsOf(result.Text),
                RawContent raw => raw.Type == "image" ? ForPicture * 6 : SixthsOf(raw.Block.GetRawText()),
                _ => throw new InvalidOperationException($"No estimate for content of the type {content.GetType().Name}."),
            };
        }

        return whole + (sixths + 5) / 6;
    }

    private static long AtLeast(string? text)
    {
        var least = default(LeastTokens);
        least.Add(text);
        return least.Count;
    }

    private static long SixthsOf(string? text)
    {
        if (text is null) return 0;
        var (sixths, run) = (0L, 0);
        foreach (var c in text)
        {
            run = char.IsAsciiLetter(c) ? run + 1 : 0;
            sixths += c switch
            {
                _ when run > 0 => run <= WordLettersMax ? 2 : 4,
                ' ' or '\n' or '\t' or '\r' => 1,
                < (char)0x80 => 4,
                < (char)0x800 => 6,
                _ => 9,
            };
        }

        return sixths;
    }
}
