using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Learning;
using Insula.Server.Commands.Output;
using Insula.Server.Http;

namespace Insula.Server.Commands;

/// <summary><c>insula knowledge</c>: what a tenant's agents can look up.</summary>
internal static class KnowledgeCommands
{
    private const string Path = "api/v1/knowledge";
    private const int SourcesLookedAtMax = 10_000;

    private static readonly Column[] Columns =
        [new("ID", "id"), new("SOURCE", "source"), new("PASSAGES", "passages"), new("BYTES", "bytes"), Column.Time("LEARNED", "learned_at")];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("knowledge", "What the agents of a tenant can look up")
    {
        Learn(client), Query(client), List(client), Forget(client),
    });

    private static Command Learn(ClientOptions client)
    {
        var paths = new Argument<string[]>("path")
        {
            Description = $"Files, and folders with all below them ({string.Join(" ", TextFiles.Endings)}; UTF-8, up to 16 MB each; hidden files and node_modules are left out)",
            Arity = ArgumentArity.OneOrMore,
        };
        return client.Acts(new Command("learn", "Learn texts; one that is known and has not changed costs nothing") { paths }, async (call, ct) =>
        {
            var texts = new TextFiles(call.Terminal);
            foreach (var path in call.Get(paths)) texts.Add(path);
            var progress = new LearnProgress(call.Terminal, call.Printer.Format);
            foreach (var skipped in texts.Skipped) progress.Tell(new(skipped.Source, LearnedFile.Skipped, Why: skipped.Why));

            var learned = await progress.RunAsync(call.Api, texts.Files, ct);
            IReadOnlyList<LearnedFile> all = [.. learned, .. texts.Skipped.Select(static file => new LearnedFile(file.Source, LearnedFile.Skipped, Why: file.Why))];
            Summarise(call, all);
            return all.Any(static file => file.Outcome == LearnedFile.Failed) ? ExitCode.Failed : ExitCode.Ok;
        }).WithExamples("insula knowledge learn README.md docs/", "insula knowledge learn handbook.txt -o json");
    }

    private static Command Query(ClientOptions client)
    {
        var question = new Argument<string>("question") { Description = "What to look up" };
        var limit = new Option<int?>("--limit", "-n") { Description = "How many passages to cite at most", HelpName = "n" };
        return client.Acts(new Command("query", "Look something up, with quotes and their sources") { question, limit }, async (call, ct) =>
        {
            var answer = await call.Api.PostAsync($"{Path}/query", Body(call.Get(question), call.Get(limit)), ct);
            if (call.Printer.Format != OutputFormat.Table)
            {
                call.Printer.Data(answer);
                return ExitCode.Ok;
            }

            call.Printer.Sentence(answer.TextAt("answer"));
            if (answer.At("citations") is { ValueKind: JsonValueKind.Array } citations && citations.GetArrayLength() > 0)
            {
                call.Printer.Sentence("\nSources:\n" + string.Join('\n', citations.EnumerateArray().Select(static (citation, i) => $"[{i + 1}] {Place(citation)}")));
            }

            return ExitCode.Ok;
        }).WithExamples("insula knowledge query \"What is a placement?\"", "insula knowledge query placement -o json | jq '.citations[].source'");
    }

    private static Command List(ClientOptions client)
    {
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List what was learnt") { limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, $"{Path}/sources", limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula knowledge list");
    }

    private static Command Forget(ClientOptions client)
    {
        var source = new Argument<string>("source") { Description = "Name or id, as 'knowledge list' shows them" };
        return client.Acts(new Command("forget", "Forget a source and all that came from it") { source }, async (call, ct) =>
        {
            var id = await IdOfAsync(call, call.Get(source), ct);
            await call.Api.DeleteAsync($"{Path}/sources/{Uri.EscapeDataString(id)}", ct);
            call.Printer.Sentence($"forgot  {call.Get(source)}");
            return ExitCode.Ok;
        }).WithExamples("insula knowledge forget docs/old.md");
    }

    private static async Task<string> IdOfAsync(ClientCall call, string source, CancellationToken ct)
    {
        if (source.StartsWith("src_", StringComparison.Ordinal)) return source;
        await foreach (var item in call.Api.ListAsync($"{Path}/sources", SourcesLookedAtMax, ct))
        {
            if (item.TextAt("source") == source) return item.TextAt("id");
        }

        throw new CommandException(ExitCode.NotFound, $"Nothing was learnt under the name '{source}'.", "See the names with: insula knowledge list");
    }

    private static string Place(JsonElement citation) =>
        citation.TextAt("heading") is { Length: > 0 } heading ? $"{citation.TextAt("source")} › {heading}" : citation.TextAt("source");

    private static object Body(string query, int? limit) => limit is { } n ? new { query, limit = n } : new { query };

    private static void Summarise(ClientCall call, IReadOnlyList<LearnedFile> files)
    {
        int Count(string outcome) => files.Count(file => file.Outcome == outcome);
        var learned = Count(LearnedFile.New) + Count(LearnedFile.Unchanged);
        var passages = files.Sum(static file => file.Passages ?? 0);
        if (call.Printer.Format != OutputFormat.Table)
        {
            call.Printer.Data(JsonSerializer.SerializeToElement(new { files, learned, passages, failed = Count(LearnedFile.Failed), skipped = Count(LearnedFile.Skipped) }, ApiJson.Options));
            return;
        }

        var rest = new[] { (Count(LearnedFile.Skipped), "skipped"), (Count(LearnedFile.Failed), "failed") }.Where(static part => part.Item1 > 0).Select(static part => $", {part.Item1} {part.Item2}");
        call.Printer.Sentence($"learned {PlainText.Count(learned, "file")} ({Count(LearnedFile.New)} new, {Count(LearnedFile.Unchanged)} unchanged), {PlainText.Count(passages, "passage")}{string.Concat(rest)}");
    }
}
