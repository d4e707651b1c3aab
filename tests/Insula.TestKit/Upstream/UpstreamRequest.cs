using System.Text.Json;

namespace Insula.TestKit.Upstream;

/// <summary>A call that the fake model server took.</summary>
/// <param name="Headers">Names in lower case.</param>
/// <param name="Body">Undefined when the request had none.</param>
public sealed record UpstreamRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, JsonElement Body)
{
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the client closed the connection before the answer was complete.</summary>
    public Task ClientLeft => _left.Task;

    internal void MarkLeft() => _left.TrySetResult();
}
