using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;
using Insula.Server.Http;
using Insula.Tenancy.Wording;

namespace Insula.Server.Commands;

/// <summary>
/// The program's verbs. Results go to stdout and everything else to stderr, so that a pipe carries nothing but results.
/// Every way to fail ends here, as one line that says what happened, one that says what to do, and a documented exit code;
/// with <c>-o json</c> as the problem in JSON.
/// </summary>
internal sealed class CommandLine(Terminal terminal)
{
    private readonly ClientOptions _client = new(terminal);

    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken ct)
    {
        var parsed = Root().Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples) return Refuse(parsed);

        try
        {
            // After Ctrl-C a server lets its runs leave their step, and 'run' interrupts its run on the server.
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                Output = terminal.Out,
                Error = terminal.Error,
                ProcessTerminationTimeout = TimeSpan.FromSeconds(20),
            };
            return await parsed.InvokeAsync(configuration, ct);
        }
        catch (CommandException error)
        {
            Explain(error, _client.FormatOf(parsed));
            return (int)error.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return (int)ExitCode.Interrupted;
        }
    }

    /// <summary>All commands; the reference page is made from them.</summary>
    public RootCommand Root()
    {
        var root = new RootCommand("Insula runs AI agents for many tenants, each behind its own walls.")
        {
            UpCommand.Create().WithExamples("insula up", "insula up --data /var/lib/insula --urls http://127.0.0.1:9000", "insula up --json | jq -r .url"),
            RunCommand.Build(_client),
            KnowledgeCommands.Build(_client),
            AgentCommands.Build(_client),
            SessionCommands.Build(_client),
            ScheduleCommands.Build(_client),
            TenantCommands.Build(_client),
            KeyCommands.Build(_client),
            MemberCommands.Build(_client),
            PriceCommands.Build(_client),
            BudgetCommands.Build(_client),
            UsageCommand.Build(_client),
            StatementCommand.Build(_client),
            LimitsCommand.Build(_client),
            WebhookCommands.Build(_client),
            DoctorCommand.Build(_client),
            MigrateCommand.Build(_client),
        };
        HelpWithExamples.Install(root);
        return root;
    }

    private int Refuse(ParseResult parsed)
    {
        var name = PathOf(parsed.CommandResult);
        terminal.Error.WriteLine($"error: {PlainText.Line(WhatIsWrong(parsed, name))}");
        terminal.Error.WriteLine($"Try '{name} --help'.");
        return (int)ExitCode.Usage;
    }

    private static string WhatIsWrong(ParseResult parsed, string name)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            var known = command.Subcommands.Select(static sub => sub.Name).Concat(command.Options.Select(static option => option.Name));
            return $"'{name}' does not know '{unknown}'.{(NearestName.Of(unknown, known) is { } nearest ? $" Did you mean '{nearest}'?" : "")}";
        }

        if (command.Subcommands.Count > 0) return $"'{name}' needs a verb: {string.Join(", ", command.Subcommands.Select(static sub => sub.Name))}.";
        var missing = command.Arguments.FirstOrDefault(argument => argument.Arity.MinimumNumberOfValues > 0 && parsed.GetResult(argument) is not { Tokens.Count: > 0 });
        return missing is null ? parsed.Errors[0].Message : $"'{name}' needs <{missing.Name}>: {missing.Description}.";
    }

    private void Explain(CommandException error, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            terminal.Error.WriteLine(JsonSerializer.Serialize(Problem.Of(error), ApiJson.Options));
            return;
        }

        terminal.Error.WriteLine($"error: {PlainText.Line(error.Message)}");
        if (error.Advice is { } advice) terminal.Error.WriteLine(PlainText.Lines(advice));
        if (error is ApiException { Problem.RequestId: { } request }) terminal.Error.WriteLine($"request: {PlainText.Line(request)}");
    }

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "insula";
}
