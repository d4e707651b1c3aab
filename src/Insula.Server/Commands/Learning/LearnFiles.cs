using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Learning;

/// <summary>What became of one file.</summary>
/// <param name="Outcome"><c>new</c>, <c>unchanged</c>, <c>skipped</c> or <c>failed</c>.</param>
internal sealed record LearnedFile(
    string Source,
    string Outcome,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Passages = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Why = null)
{
    public const string New = "new";
    public const string Unchanged = "unchanged";
    public const string Skipped = "skipped";
    public const string Failed = "failed";
}

/// <summary>
/// Sends files to be learnt, a few at a time. One that fails does not stop the others, and learning it again later costs
/// nothing for those that are known. When the server says "too fast" the file waits as long as it was told.
/// </summary>
internal sealed class LearnFiles(ApiClient api, Action<LearnedFile> done, Action<string> waits)
{
    private const int AtOnce = 4;
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(10);

    /// <summary>The outcomes, in the order of the files. Ends early only when no server answers or the key is refused.</summary>
    public async Task<IReadOnlyList<LearnedFile>> RunAsync(IReadOnlyList<TextFile> files, CancellationToken ct)
    {
        var outcomes = new ConcurrentDictionary<string, LearnedFile>();
        await Parallel.ForEachAsync(files, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (file, token) =>
        {
            var outcome = await LearnAsync(file, token);
            outcomes[file.Path] = outcome;
            done(outcome);
        });
        return [.. files.Select(file => outcomes[file.Path])];
    }

    private async Task<LearnedFile> LearnAsync(TextFile file, CancellationToken ct)
    {
        try
        {
            var bytes = await File.ReadAllBytesAsync(file.Path, ct);
            var (text, why) = TextFiles.Decode(bytes);
            if (text is null) return new(file.Source, LearnedFile.Skipped, Why: why);

            var learned = await SendAsync(file, bytes, ct);
            var isNew = learned.At("created") is { ValueKind: JsonValueKind.True };
            return new(file.Source, isNew ? LearnedFile.New : LearnedFile.Unchanged, learned.TextAt("id"), learned.At("passages")?.GetInt32());
        }
        catch (CommandException error) when (error.ExitCode is not (ExitCode.Unreachable or ExitCode.Forbidden))
        {
            return new(file.Source, LearnedFile.Failed, Why: error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new(file.Source, LearnedFile.Failed, Why: error.Message);
        }
    }

    private async Task<JsonElement> SendAsync(TextFile file, byte[] bytes, CancellationToken ct)
    {
        for (var waited = TimeSpan.Zero; ;)
        {
            try
            {
                // As a file and not as JSON: the limit is on the bytes of the text, which escaping would swell.
                var part = new ByteArrayContent(bytes);
                part.Headers.ContentType = new MediaTypeHeaderValue(IsMarkdown(file.Source) ? "text/markdown" : "text/plain");
                using var form = new MultipartFormDataContent { { new StringContent(file.Source), "source" }, { part, "file", Path.GetFileName(file.Path) } };
                var answer = await api.PostFormAsync("api/v1/knowledge/learn", form, ct);
                return answer.At("data") is { ValueKind: JsonValueKind.Array } list ? list[0] : answer;
            }
            catch (ApiException error) when (error.RetryAfter is { } wait && waited + wait <= WaitMax)
            {
                waits($"waiting: {error.Message}");
                await Task.Delay(wait, api.Time, ct);
                waited += wait;
            }
        }
    }

    private static bool IsMarkdown(string source) => Path.GetExtension(source).ToLowerInvariant() is ".md" or ".markdown" or ".mdx";
}
