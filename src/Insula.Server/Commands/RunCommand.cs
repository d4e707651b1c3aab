using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Conversation;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary>
/// <c>insula run</c>: one prompt in a new session, or in one that exists, until the agent is done. The run belongs to the
/// server: when the connection breaks it goes on, and only Ctrl-C interrupts it.
/// </summary>
internal static class RunCommand
{
    private static readonly TimeSpan InterruptLimit = TimeSpan.FromSeconds(5);

    private static readonly Argument<string> PromptText = new("prompt") { Description = "What to say to the agent; '-' reads it from stdin" };
    private static readonly Option<string?> Agent = new("--agent", "-a") { Description = "Name or id of the agent [the tenant's oldest]", HelpName = "agent" };
    private static readonly Option<string?> Environment = new("--environment") { Description = "Name or id of the environment [the tenant's oldest; made when there is none]", HelpName = "environment" };
    private static readonly Option<string?> Session = new("--session", "-s", "--resume") { Description = "Go on with this session instead of starting one", HelpName = "id" };
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Show the answer as it is written, and on stderr what the agent does" };
    private static readonly Option<bool> Yes = new("--yes", "-y") { Description = "Allow every tool that asks for permission" };

    public static Command Build(ClientOptions client)
    {
        var command = new Command("run", "Ask an agent and print its answer") { PromptText, Agent, Environment, Session, Follow, Yes };
        client.AddTo(command);
        return client.Acts(command, RunAsync).WithExamples(
            "insula run \"What is a placement?\"",
            "insula run \"Summarise the change log\" --agent reader --follow",
            "insula run \"And what about schema?\" --resume sesn_…",
            "git diff | insula run - -o json | jq -r .answer");
    }

    private static async Task<ExitCode> RunAsync(ClientCall call, CancellationToken ct)
    {
        var text = call.Get(PromptText) is "-" ? await call.Terminal.In.ReadToEndAsync(ct) : call.Get(PromptText);
        if (string.IsNullOrWhiteSpace(text)) throw new CommandException(ExitCode.Usage, "The prompt is empty.", "Say what the agent shall do: insula run \"What is a placement?\"");

        var session = await SessionAsync(call, ct);
        var view = new DialogueView(call.Terminal, call.Get(Follow) && call.Printer.Format == OutputFormat.Table);
        await using var dialogue = await Dialogue.OpenAsync(call.Api, session, view, ct);
        try
        {
            var rest = await dialogue.SendAsync([new { type = "user.message", content = new[] { new { type = "text", text } } }], ct);
            var pending = new PendingCalls(call.Terminal, call.Get(Yes));
            while (rest.Pending.Count > 0 && pending.Answer(rest.Pending) is { } answers) rest = await dialogue.SendAsync(answers, ct);
            return Finish(call, session, rest);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await InterruptAsync(call, dialogue, session);
            return ExitCode.Interrupted;
        }
    }

    private static async Task<string> SessionAsync(ClientCall call, CancellationToken ct)
    {
        if (call.Get(Session) is { } existing)
        {
            if (call.Get(Agent) is not null || call.Get(Environment) is not null)
            {
                throw new CommandException(ExitCode.Usage, "--session (--resume) goes without --agent and --environment: a session keeps those it began with.");
            }

            return existing;
        }

        var choice = new SessionChoice(call.Api);
        var agent = await choice.AgentAsync(call.Get(Agent), ct);
        var environment = await choice.EnvironmentAsync(call.Get(Environment), ct);
        var made = await call.Api.PostAsync("v1/sessions", new { agent, environment_id = environment }, ct);
        return made.TextAt("id");
    }

    private static ExitCode Finish(ClientCall call, string session, Rest rest)
    {
        if (call.Printer.Format != OutputFormat.Table)
        {
            call.Printer.Data(JsonSerializer.SerializeToElement(new
            {
                session_id = session,
                stop_reason = rest.StopReason,
                answer = rest.Answer,
                pending = rest.Pending,
                error = rest.Error,
            }));
        }
        else if (!call.Get(Follow) && rest.Answer.Length > 0)
        {
            call.Terminal.Out.WriteLine(PlainText.Lines(rest.Answer));
        }

        if (rest.StopReason == "end_turn")
        {
            if (call.Terminal.ErrorIsTerminal) call.Printer.Note($"\nGo on with: insula run \"…\" --session {session}");
            return ExitCode.Ok;
        }

        throw rest.StopReason switch
        {
            "requires_action" => new CommandException(
                ExitCode.NeedsAction,
                $"The run waits for {(rest.Pending.Count == 1 ? "an answer" : $"{rest.Pending.Count} answers")}, and nobody is at a terminal to give {(rest.Pending.Count == 1 ? "it" : "them")}.",
                $"{PendingCalls.Describe(rest.Pending)}\nUse --yes to allow tools, or answer with POST /v1/sessions/{session}/events."),
            "budget_reached" => new CommandException(ExitCode.OverLimit, "The session's budget is used up.", $"Look with: insula session show {session}"),
            "refusal" => new CommandException(ExitCode.Failed, "The model refused to answer.", $"Look with: insula session tail {session}"),
            _ => new CommandException(ExitCode.Failed, rest.Error ?? $"The run ended with '{rest.StopReason}'.", $"Look with: insula session tail {session}"),
        };
    }

    private static async Task InterruptAsync(ClientCall call, Dialogue dialogue, string session)
    {
        // A token of its own: the one that was given is what Ctrl-C ended.
        using var limit = new CancellationTokenSource(InterruptLimit, call.Terminal.Time);
        try
        {
            await dialogue.InterruptAsync(limit.Token);
            call.Printer.Note($"\nInterrupted. The session stays: insula session show {session}");
        }
        catch (Exception error) when (error is CommandException or OperationCanceledException)
        {
            call.Printer.Note($"\nThe server could not be told to stop; the run may go on: insula session show {session}");
        }
    }
}
