using System.Text.Json;
using Insula.Server.Commands;

namespace Insula.Server.Tests.Commands;

/// <summary>One call of the command line in this process, with what it printed.</summary>
internal sealed record Invocation(int ExitCode, string Out, string Error)
{
    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Out);

    /// <summary>Fails with what was printed when the command did not end well.</summary>
    public Invocation Ok()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\nout: {Out}\nerror: {Error}");
        return this;
    }
}

/// <summary>Where commands are called from: a folder, variables, and whether a person sits in front of it.</summary>
internal sealed record Shell(string Folder)
{
    public Dictionary<string, string> Variables { get; init; } = [];

    /// <summary>What the person types; null when nobody is there.</summary>
    public string? Typed { get; init; }

    public bool IsTerminal { get; init; }

    public string Input { get; init; } = "";

    public async Task<Invocation> RunAsync(CancellationToken ct, params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var terminal = new Terminal
        {
            In = new StringReader(Typed ?? Input),
            Out = TextWriter.Synchronized(output),
            Error = TextWriter.Synchronized(error),
            InIsTerminal = Typed is not null,
            OutIsTerminal = IsTerminal,
            ErrorIsTerminal = IsTerminal,
            Environment = Variables,
            Folder = Folder,
            Time = TimeProvider.System,
        };
        var exitCode = await new CommandLine(terminal).RunAsync(args, ct);
        return new Invocation(exitCode, output.ToString(), error.ToString());
    }
}
