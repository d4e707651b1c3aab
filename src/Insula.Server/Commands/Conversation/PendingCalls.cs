using System.Text.Json;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Conversation;

/// <summary>Asks the person at the terminal about calls that wait: may a tool run, or what is the result of one that only the caller can run.</summary>
internal sealed class PendingCalls(Terminal terminal, bool allowAll)
{
    /// <summary>One answer for each call, or null when there is nobody to ask.</summary>
    public object[]? Answer(IReadOnlyList<JsonElement> calls)
    {
        var answers = new List<object>();
        foreach (var call in calls)
        {
            if (AnswerTo(call) is not { } answer) return null;
            answers.Add(answer);
        }

        return answers.Count > 0 ? [.. answers] : null;
    }

    /// <summary>How to answer from elsewhere, one line a call.</summary>
    public static string Describe(IReadOnlyList<JsonElement> calls) =>
        string.Join('\n', calls.Select(static call => $"  {call.TextAt("id")}  {EventText.OfCall(call)}"));

    private object? AnswerTo(JsonElement call)
    {
        var id = call.TextAt("id");
        if (call.TextAt("type") == "agent.custom_tool_use")
        {
            var result = Ask($"The agent asks for the result of {EventText.OfCall(call)}\nResult: ");
            return result is null ? null : new { type = "user.custom_tool_result", custom_tool_use_id = id, content = new[] { new { type = "text", text = result } } };
        }

        var allowed = allowAll ? "y" : Ask($"The agent wants to run {EventText.OfCall(call)}\nAllow it? [y/N] ");
        if (allowed is null) return null;
        return new { type = "user.tool_confirmation", tool_use_id = id, result = allowed.Trim() is "y" or "Y" or "yes" ? "allow" : "deny" };
    }

    private string? Ask(string question)
    {
        if (!terminal.InIsTerminal) return null;
        terminal.Error.Write(PlainText.Lines(question));
        terminal.Error.Flush();
        return terminal.In.ReadLine();
    }
}
