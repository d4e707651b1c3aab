using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Anthropic;

/// <summary>
/// <c>anthropic/…</c>: the Messages API, always streamed, at the official address or at any server that speaks it.
/// A call without a key is refused unless the operator gave an address, since such a server may need none.
/// </summary>
internal sealed class AnthropicProvider : IModelProvider, IDisposable
{
    public const string ProviderName = "anthropic";

    private static readonly Uri Official = new("https://api.anthropic.com");

    private readonly UpstreamClient _client;
    private readonly bool _usable;

    public AnthropicProvider(ModelServer server, TimeProvider time)
    {
        _usable = server.ApiKey is not null || server.BaseUrl is not null;
        _client = new UpstreamClient(
            ProviderName,
            server.BaseUrl ?? Official,
            server,
            headers =>
            {
                headers.Add("anthropic-version", "2023-06-01");
                if (server.ApiKey is { } key) headers.Add("x-api-key", key.Reveal());
            },
            time);
    }

    public string Name => ProviderName;

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_usable) throw UpstreamFailure.Refused("The provider anthropic has no key. The operator sets INSULA_ANTHROPIC_API_KEY, or INSULA_ANTHROPIC_BASE_URL for a server that needs none.");
        using var answer = (await _client.PostAsync("v1/messages", AnthropicRequest.Write(request), request.IdempotencyKey, ct)).MustBe("text/event-stream");
        await foreach (var made in ReadAsync(answer.Body, _client.Errors, ct)) yield return made;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken ct)
    {
        if (!_usable) return [];
        var models = await _client.FindAsync("v1/models?limit=1000", AnthropicJson.Default.AnthropicModels, ct);
        return [.. (models?.Data ?? []).Where(m => m?.Id is not null).Select(m => $"{ProviderName}/{m.Id}")];
    }

    public void Dispose() => _client.Dispose();

    internal static async IAsyncEnumerable<ModelEvent> ReadAsync(Stream body, ErrorAnswer errors, [EnumeratorCancellation] CancellationToken ct)
    {
        var turn = new AnthropicTurn(errors);
        var events = SseParser.Create(body, static (_, data) => UpstreamAnswer.Parse(ProviderName, data, AnthropicJson.Default.AnthropicEvent));
        await foreach (var item in events.EnumerateAsync(ct))
        {
            if (turn.Take(item.Data) is not { } made) continue;
            yield return made;
            if (made is ModelTurnEnded) yield break;
        }

        throw UpstreamFailure.Cut(ProviderName);
    }
}
