using System.Runtime.CompilerServices;
using System.Text;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Ollama;

/// <summary>
/// <c>ollama/…</c>: the chat API of an Ollama server, streamed as lines of JSON. There is no default address: a server of
/// many tenants does not look for services on its own machine that nobody told it about.
/// </summary>
internal sealed class OllamaProvider : IModelProvider, IDisposable
{
    public const string ProviderName = "ollama";

    private readonly UpstreamClient? _client;

    public OllamaProvider(ModelServer server, TimeProvider time)
    {
        if (server.BaseUrl is { } url) _client = new UpstreamClient(ProviderName, url, server, static _ => { }, time);
    }

    public string Name => ProviderName;

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        if (_client is null) throw UpstreamFailure.Refused("The provider ollama has no address. The operator sets INSULA_OLLAMA_URL.");
        using var answer = (await _client.PostAsync("api/chat", OllamaRequest.Write(request), request.IdempotencyKey, ct)).MustBe("application/x-ndjson", "application/json");
        var callsBefore = request.Messages.SelectMany(m => m.Content).Count(c => c is ToolCallContent);
        await foreach (var made in ReadAsync(answer.Body, callsBefore, ct)) yield return made;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken ct)
    {
        if (_client is null) return [];
        var tags = await _client.FindAsync("api/tags", OllamaJson.Default.OllamaTags, ct);
        return [.. (tags?.Models ?? []).Where(m => m?.Name is not null).Select(m => $"{ProviderName}/{m.Name}")];
    }

    public void Dispose() => _client?.Dispose();

    internal static async IAsyncEnumerable<ModelEvent> ReadAsync(Stream body, int callsBefore, [EnumeratorCancellation] CancellationToken ct)
    {
        var turn = new OllamaTurn(callsBefore);
        using var lines = new StreamReader(body, Encoding.UTF8);
        while (await lines.ReadLineAsync(ct) is { } line)
        {
            if (line.Length == 0) continue;
            foreach (var made in turn.Take(UpstreamAnswer.Parse(ProviderName, Encoding.UTF8.GetBytes(line), OllamaJson.Default.OllamaLine)))
            {
                yield return made;
                if (made is ModelTurnEnded) yield break;
            }
        }

        throw UpstreamFailure.Cut(ProviderName);
    }
}
