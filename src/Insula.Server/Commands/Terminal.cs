using Spectre.Console;

namespace Insula.Server.Commands;

/// <summary>
/// What a command has around it: the three streams, the environment, the folder and the clock. Commands use nothing of
/// the process beside it, so tests run them in process. Colour goes only to a terminal, and not when NO_COLOR is set.
/// </summary>
internal sealed record Terminal
{
    /// <summary>Wide enough that no row is ever folded where a program reads along.</summary>
    private const int PipeWidth = 4096;

    public required TextReader In { get; init; }

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Whether a person can be asked.</summary>
    public bool InIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Relative paths start here.</summary>
    public required string Folder { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>The process's own streams.</summary>
    public static Terminal OfProcess() => new()
    {
        In = Console.In,
        Out = Console.Out,
        Error = Console.Error,
        InIsTerminal = !Console.IsInputRedirected,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Environment = System.Environment.GetEnvironmentVariables()
            .Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(static entry => (string)entry.Key, static entry => (string?)entry.Value ?? ""),
        Folder = System.Environment.CurrentDirectory,
        Time = TimeProvider.System,
    };

    /// <summary>A variable, or null when it is not set or empty.</summary>
    public string? Variable(string name) => Environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    public string PathOf(string path) => Path.GetFullPath(path, Folder);

    public IAnsiConsole OutConsole() => ConsoleOn(Out, OutIsTerminal);

    public IAnsiConsole ErrorConsole() => ConsoleOn(Error, ErrorIsTerminal);

    private IAnsiConsole ConsoleOn(TextWriter writer, bool isTerminal)
    {
        var colour = isTerminal && Variable("NO_COLOR") is null && Variable("TERM") is not "dumb";
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colour ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colour ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        if (!isTerminal) console.Profile.Width = PipeWidth;
        return console;
    }
}
