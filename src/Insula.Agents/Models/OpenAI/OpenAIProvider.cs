using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.OpenAI;

/// <summary>
/// <c>openai/…</c>: Chat Completions, always streamed, at the official address or at any compatible server (vLLM, llama.cpp,
/// a gateway). Without a key no Authorization header is sent; at the official address such a call is refused here.
/// </summary>
internal sealed class OpenAIProvider : IModelProvider, IDisposable
{
    public const string ProviderName = "openai";

    private static readonly Uri Official = new("https://api.openai.com/v1");

    private readonly UpstreamClient _client;
    private readonly OpenAIRequest _request;
    private readonly bool _usable;

    public OpenAIProvider(ModelServer server, TimeProvider time)
    {
        _usable = server.ApiKey is not null || server.BaseUrl is not null;
        var baseUrl = server.BaseUrl ?? Official;
        _request = new OpenAIRequest(baseUrl.Host == Official.Host ? "max_completion_tokens" : "max_tokens");
        _client = new UpstreamClient(
            ProviderName,
            baseUrl,
            server,
            headers =>
            {
                if (server.ApiKey is { } key) headers.Authorization = new AuthenticationHeaderValue("Bearer", key.Reveal());
            },
            time);
    }

    public string Name => ProviderName;

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_usable) throw UpstreamFailure.Refused("The provider openai has no key. The operator sets INSULA_OPENAI_API_KEY, or INSULA_OPENAI_BASE_URL for a compatible server that needs none.");
        using var answer = (await _client.PostAsync("chat/completions", _request.Write(request), request.IdempotencyKey, ct)).MustBe("text/event-stream");
        await foreach (var made in ReadAsync(answer.Body, _client.Errors, ct)) yield return made;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken ct)
    {
        if (!_usable) return [];
        var models = await _client.FindAsync("models", OpenAIJson.Default.OpenAIModels, ct);
        return [.. (models?.Data ?? []).Where(m => m?.Id is not null).Select(m => $"{ProviderName}/{m.Id}")];
    }

    public void Dispose() => _client.Dispose();

    internal static async IAsyncEnumerable<ModelEvent> ReadAsync(Stream body, ErrorAnswer errors, [EnumeratorCancellation] CancellationToken ct)
    {
        var turn = new OpenAITurn(errors);
        var wasClosed = false;
        await foreach (var item in SseParser.Create(body, Parse).EnumerateAsync(ct))
        {
            wasClosed = ReferenceEquals(item.Data, OpenAIChunk.Done);
            if (wasClosed) break;
            foreach (var made in turn.Take(item.Data)) yield return made;
        }

        foreach (var made in turn.End(wasClosed)) yield return made;
    }

    private static OpenAIChunk Parse(string eventType, ReadOnlySpan<byte> data) =>
        data.SequenceEqual("[DONE]"u8) ? OpenAIChunk.Done : UpstreamAnswer.Parse(ProviderName, data, OpenAIJson.Default.OpenAIChunk);
}
