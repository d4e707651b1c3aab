using Insula.Server.Commands.Output;
using Spectre.Console;

namespace Insula.Server.Commands.Learning;

/// <summary>Shows how learning goes: a bar on a terminal, otherwise a line a file.</summary>
internal sealed class LearnProgress(Terminal terminal, OutputFormat format)
{
    public async Task<IReadOnlyList<LearnedFile>> RunAsync(Client.ApiClient api, IReadOnlyList<TextFile> files, CancellationToken ct)
    {
        if (!terminal.ErrorIsTerminal || format != OutputFormat.Table)
        {
            return await new LearnFiles(api, Tell, wait => TellWait(terminal.ErrorConsole(), wait)).RunAsync(files, ct);
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
                    wait => task.Description = $"waiting {Math.Ceiling(wait.TotalSeconds)} s: the limit for learning is reached");
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
            LearnedFile.New or LearnedFile.Unchanged => $"{file.Passages} passages",
            _ => file.Why ?? "",
        };
        var line = PlainText.Line($"{file.Outcome,-9}  {file.Source}  {detail}".TrimEnd());
        lock (terminal) (file.Outcome == LearnedFile.Failed ? terminal.Error : terminal.Out).WriteLine(line);
    }

    private static void TellWait(IAnsiConsole console, TimeSpan wait) =>
        console.Write(new Text($"waiting {Math.Ceiling(wait.TotalSeconds)} s: the limit for learning is reached\n"));

    private static string Shorten(string source) => source.Length <= 40 ? source.PadRight(40) : string.Concat("…", source.AsSpan(source.Length - 39));
}
