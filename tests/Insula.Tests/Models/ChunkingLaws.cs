using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Models;
using Insula.Agents.Models.Anthropic;
using Insula.Agents.Models.Ollama;
using Insula.Agents.Models.OpenAI;
using Insula.Agents.Models.Upstream;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

/// <summary>An answer means the same however the network cuts its bytes, inside a letter or a line end too.</summary>
public sealed class ChunkingLaws
{
    private static readonly UpstreamReply Reply = UpstreamReply.Says("Grüße, ", "🏛 omnes", "\n\ndata: [DONE]\n\n") with
    {
        Thinks = true,
        Tools = [new("c1", "look_up", """{"word":"ü \"x\"","n":[1,2]}"""), new("c2", "look_up", "{}")],
        CacheReadTokens = 3,
    };

    private static readonly ErrorAnswer Errors = new("provider", new Uri("http://localhost"), key: null, TimeProvider.System);

    [Fact]
    public void An_anthropic_answer_means_the_same_in_any_pieces() =>
        MeansTheSame(new AnthropicWire(), static (body, ct) => AnthropicProvider.ReadAsync(body, Errors, ct));

    [Fact]
    public void An_openai_answer_means_the_same_in_any_pieces() =>
        MeansTheSame(new OpenAIWire(), static (body, ct) => OpenAIProvider.ReadAsync(body, Errors, ct));

    [Fact]
    public void An_ollama_answer_means_the_same_in_any_pieces() =>
        MeansTheSame(new OllamaWire(), static (body, ct) => OllamaProvider.ReadAsync(body, callsBefore: 0, ct));

    private static void MeansTheSame(UpstreamWire wire, Func<Stream, CancellationToken, IAsyncEnumerable<ModelEvent>> read)
    {
        var text = string.Concat(wire.Frames(Reply));
        foreach (var lineEnd in wire is OllamaWire ? ["\n"] : new[] { "\n", "\r\n" })
        {
            var bytes = Encoding.UTF8.GetBytes(text.Replace("\n", lineEnd, StringComparison.Ordinal));
            var whole = Read([int.MaxValue]);
            Assert.Contains("ThinkingStarted", whole, StringComparison.Ordinal);
            Assert.Contains("🏛 omnes", whole, StringComparison.Ordinal);
            Assert.Equal(2, whole.Split(" look_up ").Length - 1);
            Prop.ForAll(Gen.Choose(1, 40).NonEmptyListOf().ToArbitrary(), sizes => Read([.. sizes]) == whole)
                .Check(Config.QuickThrowOnFailure.WithMaxTest(200));

            string Read(int[] sizes) => Shown(read(new PiecewiseStream(bytes, sizes), TestContext.Current.CancellationToken));
        }
    }

    private static string Shown(IAsyncEnumerable<ModelEvent> events)
    {
        // Every read of the stream ends at once, so the enumeration never waits.
        var lines = events.Select(item => item is ToolCalled call ? $"{call.Id} {call.Name} {call.Input.GetRawText()}" : $"{item}").ToListAsync();
        return string.Join('\n', lines.AsTask().GetAwaiter().GetResult());
    }

    /// <summary>Gives its bytes in pieces of these sizes, over and over.</summary>
    private sealed class PiecewiseStream(byte[] bytes, int[] sizes) : MemoryStream(bytes)
    {
        private int _reads;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span[..Math.Min(buffer.Length, sizes[_reads++ % sizes.Length])]));
    }
}
