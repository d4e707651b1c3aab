using Insula.Server.Commands.Output;
using Spectre.Console;

namespace Insula.Server.Commands.Learning;

/// <summary>Shows how learning goes: a bar on a terminal, otherwise a line a file.</summary>
internal sealed class LearnProgress(Terminal terminal, OutputFormat format)
{
    private int _toldWhy;

    public async Task<IReadOnlyList<LearnedFile>> RunAsync(Client.ApiClient api, IReadOnlyList<TextFile> files, CancellationToken ct)
    {
        if (!terminal.ErrorIsTerminal || format != OutputFormat.Table)
        {
            return await new LearnFiles(api, Tell, TellOnce).RunAsync(files, ct);
        }

        var console = terminal.ErrorConsole();
        var outcomes = await console.Progress()
            .AutoClear(enabled: true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("Learning", maxValue: files.Count);
                var learn = new LearnFiles(
                    api,
                    file =>
                    {
                        task.Description = Markup.Escape(Shorten(file.Source));
                        task.Increment(1);
                    },
                    why => task.Description = Markup.Escape(Shorten(why)));
                return await learn.RunAsync(files, ct);
            });

        // After the bar is gone, so that no line is painted over.
        foreach (var outcome in outcomes.Where(static file => file.Outcome is LearnedFile.Failed or LearnedFile.Skipped)) Tell(outcome);
        return outcomes;
    }

    /// <summary>One file in one line.</summary>
    public void Tell(LearnedFile file)
    {
        if (format != OutputFormat.Table) return;
        var detail = file.Outcome switch
        {
            LearnedFile.New or LearnedFile.Unchanged => PlainText.Count(file.Passages ?? 0, "passage"),
            _ => file.Why ?? "",
        };
        var line = PlainText.Line($"{file.Outcome,-9}  {file.Source}  {detail}".TrimEnd());
        lock (terminal) (file.Outcome == LearnedFile.Failed ? terminal.Error : terminal.Out).WriteLine(line);
    }

    /// <summary>Why files wait: once, because all that follow wait for the same.</summary>
    private void TellOnce(string why)
    {
        if (Interlocked.Exchange(ref _toldWhy, 1) == 0) terminal.Error.WriteLine(PlainText.Line(why));
    }

    private static string Shorten(string source) => PlainText.Line(source) is { Length: > 60 } line ? string.Concat("…", line.AsSpan(line.Length - 59)) : PlainText.Line(source).PadRight(60);
}
