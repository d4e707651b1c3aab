using System.CommandLine;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary>The options that every command has which talks to a server, and the way from a parsed line to a call.</summary>
internal sealed class ClientOptions(Terminal terminal)
{
    private readonly Option<OutputFormat> _format = new("--output", "-o")
    {
        Description = "How to print results: table (the default) for people, json or yaml for programs",
        HelpName = "table|json|yaml",
        Recursive = true,
    };

    private readonly Option<string?> _url = new("--url")
    {
        Description = "Address of the server [INSULA_URL; else the one running on this machine]",
        HelpName = "url",
        Recursive = true,
    };

    private readonly Option<string?> _key = new("--key")
    {
        Description = "API key [INSULA_KEY; else the demo tenant's]. A key on the command line is seen by other users of this machine: prefer the variable",
        HelpName = "key",
        Recursive = true,
    };

    private readonly Option<string?> _data = new("--data")
    {
        Description = "Data folder of the server on this machine [INSULA_DATA; else ./data]",
        HelpName = "folder",
        Recursive = true,
    };

    public Terminal Terminal => terminal;

    /// <summary>Gives a command, and all below it, these options.</summary>
    public Command AddTo(Command command)
    {
        command.Add(_format);
        command.Add(_url);
        command.Add(_key);
        command.Add(_data);
        return command;
    }

    /// <summary>Gives a command that calls no server the options that it shares with the others.</summary>
    public Command AddLocalTo(Command command)
    {
        command.Add(_format);
        command.Add(_data);
        return command;
    }

    /// <summary>The data folder on the command line, or null.</summary>
    public string? DataOf(ParseResult parsed) => parsed.GetValue(_data) is { } data ? terminal.PathOf(data) : null;

    /// <summary>The format asked for; the table also when the line is wrong in that very option.</summary>
    public OutputFormat FormatOf(ParseResult parsed) =>
        parsed.GetResult(_format) is { } given && !given.Errors.Any() ? given.GetValueOrDefault<OutputFormat>() : OutputFormat.Table;

    public Printer PrinterOf(ParseResult parsed) => new(terminal, FormatOf(parsed));

    public Connection ConnectionOf(ParseResult parsed) =>
        new(terminal, parsed.GetValue(_url), parsed.GetValue(_key), parsed.GetValue(_data));

    /// <summary>Makes <paramref name="act"/> the command's work, with a client that is closed after it.</summary>
    public Command Acts(Command command, KeyKind keyKind, Func<ClientCall, CancellationToken, Task<ExitCode>> act)
    {
        command.SetAction(async (parsed, ct) =>
        {
            using var api = ConnectionOf(parsed).Open(keyKind);
            return (int)await act(new ClientCall(parsed, api, PrinterOf(parsed), terminal), ct);
        });
        return command;
    }

    /// <summary>The same for the commands of a tenant's own people, which are most.</summary>
    public Command Acts(Command command, Func<ClientCall, CancellationToken, Task<ExitCode>> act) => Acts(command, KeyKind.Tenant, act);
}

/// <summary>One call of a command that talks to a server.</summary>
internal sealed record ClientCall(ParseResult Parsed, ApiClient Api, Printer Printer, Terminal Terminal)
{
    public T? Get<T>(Option<T> option) => Parsed.GetValue(option);

    public T Get<T>(Argument<T> argument) => Parsed.GetRequiredValue(argument);
}
