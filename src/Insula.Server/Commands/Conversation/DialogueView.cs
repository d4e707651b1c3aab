using System.Text.Json;
using Insula.Server.Commands.Output;
using Spectre.Console;

namespace Insula.Server.Commands.Conversation;

/// <summary>
/// Shows a dialogue while it happens: the agent's words on stdout, what it does on stderr. Without following it shows
/// nothing until the end. The words of a message come as previews and then once more as the whole event; what a broken
/// connection kept from the preview is added from the event, so that the text on the screen is always the event's.
/// </summary>
internal sealed class DialogueView(Terminal terminal, bool follow)
{
    private readonly IAnsiConsole _side = terminal.ErrorConsole();
    private string _message = "";
    private string _written = "";

    public bool WantsPreviews => follow;

    public void Delta(JsonElement data)
    {
        var id = data.TextAt("event_id");
        if (id != _message) Begin(id);
        Write(data.TextAt("delta.content.text"));
        terminal.Out.Flush();
    }

    public void Message(string id, string text)
    {
        if (!follow) return;
        if (id != _message) Begin(id);
        if (!text.StartsWith(_written, StringComparison.Ordinal))
        {
            terminal.Out.WriteLine();
            _written = "";
        }

        Write(text[_written.Length..]);
        terminal.Out.WriteLine();
        terminal.Out.Flush();
        _message = _written = "";
    }

    public void ToolUse(JsonElement call) => Aside($"→ {EventText.OfCall(call)}");

    public void ToolResult(JsonElement result) => Aside($"← {EventText.Summary(result)}");

    public void Error(JsonElement data)
    {
        var retries = data.TextAt("error.retry_status.type") == "retrying";
        Aside($"! {EventText.Summary(data)}{(retries ? " (trying again)" : "")}");
    }

    /// <summary>A dimmed line on stderr, when following.</summary>
    public void Aside(string text)
    {
        if (!follow) return;

        // The side line must not end up in the middle of a sentence on a shared screen.
        if (_written.Length > 0 && terminal.OutIsTerminal) terminal.Out.WriteLine();
        _side.Write(new Text(PlainText.Lines(text) + "\n", new Style(decoration: Decoration.Dim)));
    }

    // A preview that broke off (the model's call failed and is made again) stays as it is; its successor starts a line.
    private void Begin(string id)
    {
        if (_written.Length > 0) terminal.Out.WriteLine();
        _message = id;
        _written = "";
    }

    private void Write(string text)
    {
        terminal.Out.Write(PlainText.Lines(text));
        _written += text;
    }
}
