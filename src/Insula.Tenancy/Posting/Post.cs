namespace Insula.Tenancy.Posting;

/// <summary>One attempt to tell somebody outside.</summary>
internal static class Post
{
    /// <summary>Null when it arrived, else why not, in words that hold nothing of the answer.</summary>
    public static async Task<string?> TryAsync(HttpClient http, HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return answer.IsSuccessStatusCode ? null : $"It answered {(int)answer.StatusCode}.";
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return error is OperationCanceledException ? $"It did not answer within {http.Timeout.TotalSeconds} seconds." : "It could not be reached.";
        }
    }
}
