using System.Text.Json;
using Insula.Server.Http;
using Spectre.Console;

namespace Insula.Server.Commands.Output;

/// <summary>
/// Prints results. As JSON and YAML they are the API's own objects, so scripts depend on one documented shape; a list is
/// an array. As a table they are what a person looks for.
/// </summary>
internal sealed class Printer(Terminal terminal, OutputFormat format)
{
    private static readonly JsonSerializerOptions Indented = new(ApiJson.Options) { WriteIndented = true };

    public OutputFormat Format => format;

    public void List(IReadOnlyList<JsonElement> items, params ReadOnlySpan<Column> columns)
    {
        if (format != OutputFormat.Table)
        {
            Data(JsonSerializer.SerializeToElement(items));
            return;
        }

        if (items.Count == 0)
        {
            Note("(none)");
            return;
        }

        var table = new Table { Border = TableBorder.None, ShowRowSeparators = false };
        foreach (var column in columns) table.AddColumn(new TableColumn(new Text(column.Head, new Style(decoration: Decoration.Bold))) { Padding = new Padding(0, 0, 2, 0) });
        foreach (var item in items)
        {
            var cells = new List<Text>();
            foreach (var column in columns) cells.Add(new Text(PlainText.Line(column.Text(item))));
            table.AddRow(cells);
        }

        terminal.OutConsole().Write(table);
    }

    /// <summary>One object; in a table one line for each field that has a value.</summary>
    public void One(JsonElement item, params ReadOnlySpan<Column> fields)
    {
        if (format != OutputFormat.Table)
        {
            Data(item);
            return;
        }

        var width = 0;
        foreach (var field in fields) width = Math.Max(width, field.Head.Length);
        foreach (var field in fields)
        {
            if (field.Text(item) is { Length: > 0 } text) terminal.Out.WriteLine($"{field.Head.PadRight(width)}  {PlainText.Line(text)}");
        }
    }

    /// <summary>A value in JSON or YAML.</summary>
    public void Data(JsonElement value) =>
        terminal.Out.WriteLine(format == OutputFormat.Yaml ? YamlText.Of(value) : JsonSerializer.Serialize(value, Indented));

    /// <summary>The outcome in a sentence for people; nothing for programs, which get the object.</summary>
    public void Sentence(string text)
    {
        if (format == OutputFormat.Table) terminal.Out.WriteLine(PlainText.Lines(text));
    }

    /// <summary>A remark that is no result: dimmed, on stderr.</summary>
    public void Note(string text) => terminal.ErrorConsole().Write(new Text(PlainText.Lines(text) + "\n", new Style(decoration: Decoration.Dim)));
}
