using System.CommandLine;
using System.Text;
using Insula.Server.Commands;
using Insula.TestKit;
using Insula.Tests.Build;

namespace Insula.Tests.Reference;

public sealed class CommandLinePageTests
{
    private const string Head =
        """
        # The command line

        Made from the program by `make docs`; do not edit. `insula COMMAND --help` says the same.

        Results go to stdout and everything else to stderr. With `-o json` or `-o yaml` a result is the API's own object, a list is an array of them, and an error is a problem in JSON on stderr (`status`, `code`, `detail`, and when there is one `field`, `request_id` and `advice`; `status` is 0 when no server answered). Colour goes only to a terminal, and not when `NO_COLOR` is set.

        A command finds its server by `--url` and `--key`, else by `INSULA_URL` and `INSULA_KEY`, else by the `local.json` that a running `insula up` keeps in its data folder (`--data`, `INSULA_DATA`, `./data`); the key of that file goes only to the address in it. Commands of the operator (`tenant …`, `key create --tenant`) need the operator key in `--key`, `INSULA_KEY` or `INSULA_OPERATOR_KEY`: it is never kept on disk.

        ## Exit codes

        | code | means |
        |---|---|
        | 0 | done |
        | 1 | failed, or a part of the work failed |
        | 2 | wrong command line; nothing was tried |
        | 3 | not signed in, or without the right |
        | 4 | not found |
        | 5 | over a limit, or too fast |
        | 6 | the server cannot be reached, or cannot serve now |
        | 7 | the run waits for an answer, and nobody is there to ask |
        | 130 | interrupted with Ctrl-C; `run` has told the server to stop |


        """;

    [Fact]
    public void The_page_shows_every_command()
    {
        var page = new StringBuilder(Head.ReplaceLineEndings("\n"));
        var root = new Insula.Server.Commands.CommandLine(Terminal.OfProcess()).Root();
        var everywhere = root.Subcommands.SelectMany(static command => command.Options).Where(static option => option.Recursive).DistinctBy(static option => option.Name);
        page.Append("## Options of every command that calls a server\n\n");
        WriteRows(page, everywhere.Select(static option => (Spelling(option), option.Description)));
        foreach (var command in root.Subcommands) Write(page, "insula", command);

        Rule.Holds(GeneratedFile.Difference("docs/reference/cli.md", page.ToString().TrimEnd('\n') + "\n") is { } difference ? [difference] : []);
    }

    [Fact]
    public void Every_command_that_does_something_has_an_example()
    {
        var root = new Insula.Server.Commands.CommandLine(Terminal.OfProcess()).Root();
        var without = root.Subcommands.SelectMany(Leaves).Where(command => HelpWithExamples.Of(command).Count == 0).Select(command => command.Name);
        Assert.Empty(without);
    }

    private static IEnumerable<Command> Leaves(Command command) => command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    private static void Write(StringBuilder page, string parent, Command command)
    {
        var name = $"{parent} {command.Name}";
        var leaf = command.Subcommands.Count == 0;
        page.Append($"{(parent == "insula" ? "##" : "###")} `{name}`\n\n{command.Description}.\n\n");
        if (leaf)
        {
            var arguments = string.Concat(command.Arguments.Select(static argument => $" <{argument.Name}>{(argument.Arity.MaximumNumberOfValues > 1 ? "…" : "")}"));
            page.Append($"`{name}{arguments} [options]`\n\n");
        }

        WriteRows(page, command.Arguments.Select(static argument => ($"<{argument.Name}>", argument.Description))
            .Concat(command.Options.Where(static option => !option.Recursive).Select(static option => (Spelling(option), option.Description))));
        if (HelpWithExamples.Of(command) is { Count: > 0 } examples) page.Append($"```sh\n{string.Join('\n', examples)}\n```\n\n");
        foreach (var sub in command.Subcommands) Write(page, name, sub);
    }

    private static void WriteRows(StringBuilder page, IEnumerable<(string Spelling, string? Description)> rows)
    {
        var lines = rows.Select(static row => $"| `{row.Spelling.Replace("|", "\\|", StringComparison.Ordinal)}` | {row.Description?.Replace("|", "\\|", StringComparison.Ordinal)} |\n").ToList();
        if (lines.Count > 0) page.Append("| | |\n|---|---|\n").Append(string.Concat(lines)).Append('\n');
    }

    private static string Spelling(Option option) =>
        string.Join(", ", option.Aliases.Append(option.Name).OrderBy(static name => name.Length)) + (option.ValueType == typeof(bool) ? "" : $" <{option.HelpName}>");
}
