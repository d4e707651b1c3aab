using System.Collections.Concurrent;
using System.Text.Json;
using Insula.Agents.Tools;

namespace Insula.TestKit.Runs;

/// <summary>A built-in tool that counts its calls by idempotency key and can be held in the middle of one.</summary>
public sealed class CountingTool(string name, ToolRepeat repeat) : BuiltInTool
{
    private TaskCompletionSource _hold = Finished();

    public override string Name => name;

    public override string Description => "Counts.";

    public override JsonElement InputSchema { get; } = JsonDocument.Parse("""{"type":"object"}""").RootElement.Clone();

    public override ToolRepeat Repeat => repeat;

    public ConcurrentDictionary<string, int> Calls { get; } = [];

    /// <summary>Completes when a call has begun.</summary>
    public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Calls from now on do not end before <see cref="Release"/>.</summary>
    public void Hold() => _hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release() => _hold.TrySetResult();

    public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
    {
        Calls.AddOrUpdate(call.IdempotencyKey, 1, static (_, n) => n + 1);
        Begun.TrySetResult();
        await _hold.Task.WaitAsync(ct);
        return ToolOutcome.Of("counted");
    }

    private static TaskCompletionSource Finished()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }
}
