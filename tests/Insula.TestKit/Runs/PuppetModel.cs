using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Insula.Agents.Models;

namespace Insula.TestKit.Runs;

/// <summary>
/// A model whose every word the test says: it takes the place of an upstream, so that a test can stand in the middle of a
/// model call and see what the run does there. Model names are <c>puppet/anything</c>.
/// </summary>
public sealed class PuppetModel : IModelProvider
{
    private readonly Channel<PuppetCall> _calls = Channel.CreateUnbounded<PuppetCall>();

    public string Name => "puppet";

    /// <summary>The next call that a run makes.</summary>
    public async Task<PuppetCall> NextCallAsync(CancellationToken ct) => await _calls.Reader.ReadAsync(ct).AsTask().WaitAsync(TimeSpan.FromSeconds(60), ct);

    /// <summary>Whether a call has been made that the test has not taken.</summary>
    public bool WasCalled => _calls.Reader.TryPeek(out _);

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        var call = new PuppetCall(request);
        await _calls.Writer.WriteAsync(call, ct);
        try
        {
            await foreach (var item in call.ReadAsync(ct)) yield return item;
        }
        finally
        {
            // Not a callback of the token: the reading ends by another one, which would take this one away before its turn.
            if (ct.IsCancellationRequested || !call.IsOver) call.Left.TrySetResult();
        }
    }

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<string>>([]);
}

/// <summary>One call of a <see cref="PuppetModel"/>, as long as the test keeps it open.</summary>
public sealed class PuppetCall(ModelRequest request)
{
    private readonly Channel<ModelEvent> _events = Channel.CreateUnbounded<ModelEvent>();

    public ModelRequest Request => request;

    /// <summary>Whether the test has ended or failed it.</summary>
    internal bool IsOver { get; private set; }

    /// <summary>Completes when the run gave the call up.</summary>
    public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PuppetCall Says(string text) => Does(new TextDelta(text));

    public PuppetCall Calls(string tool, string input = "{}") => Does(new ToolCalled("call", tool, JsonDocument.Parse(input).RootElement.Clone()));

    /// <summary>Says what it has counted by now.</summary>
    public PuppetCall Reports(TokenUsage soFar) => Does(new UsageReported(soFar));

    public void Ends(ModelStop stop = ModelStop.EndTurn) => Ends(new TokenUsage(10, 5, 0, 0), stop);

    public void Ends(TokenUsage used, ModelStop stop = ModelStop.EndTurn)
    {
        Does(new ModelTurnEnded(stop, used));
        Complete(error: null);
    }

    public void Fails(ModelException error) => Complete(error);

    private void Complete(ModelException? error)
    {
        IsOver = true;
        _events.Writer.Complete(error);
    }

    private PuppetCall Does(ModelEvent item)
    {
        _events.Writer.TryWrite(item);
        return this;
    }

    internal IAsyncEnumerable<ModelEvent> ReadAsync(CancellationToken ct) => _events.Reader.ReadAllAsync(ct);
}
