using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Insula.Server.Commands;

/// <summary>The help of System.CommandLine, followed by the command's examples and, at the root, by the exit codes.</summary>
internal sealed class HelpWithExamples(HelpAction inner) : SynchronousCommandLineAction
{
    private const string Epilogue =
        """
        Where is the server?
          --url and --key, or INSULA_URL and INSULA_KEY. Without them the commands use the server that was started
          with the data folder (--data, INSULA_DATA, ./data) on this machine, as its demo tenant.

        Exit codes:
          0  done                        4  not found
          1  failed, or a part failed    5  over a limit, or too fast
          2  wrong command line          6  the server cannot be reached or cannot serve
          3  not signed in or forbidden  7  the run waits for an answer, and nobody is there to ask
                                       130  interrupted

        Full reference: docs/reference/cli.md
        """;

    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    public override bool ClearsParseErrors => true;

    public static void Install(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
    }

    public static void Add(Command command, string[] examples) => Examples.AddOrUpdate(command, examples);

    public static IReadOnlyList<string> Of(Command command) => Examples.TryGetValue(command, out var examples) ? examples : [];

    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = inner.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        if (Of(command) is { Count: > 0 } examples)
        {
            output.WriteLine("Examples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
            output.WriteLine();
        }

        if (command is RootCommand) output.WriteLine(Epilogue);
        return exitCode;
    }
}

internal static class CommandExamples
{
    /// <summary>Lines that the command's help ends with; each is a command that works.</summary>
    public static Command WithExamples(this Command command, params string[] examples)
    {
        HelpWithExamples.Add(command, examples);
        return command;
    }
}
