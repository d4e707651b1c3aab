using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Insula.Server.Tests.Usage;

/// <param name="Headers">Names in lower case.</param>
internal sealed record ReceivedRequest(string Path, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>A server on a real port that keeps what it is sent, and answers with the status that it is told.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Receiver(WebApplication app) => _app = app;

    public ConcurrentQueue<ReceivedRequest> Received { get; } = new();

    public int Status { get; set; } = StatusCodes.Status200OK;

    /// <summary>Whether the first attempt of each message is answered with 500.</summary>
    public bool FailsFirst { get; set; }

    public string Url => _app.Urls.Single();

    public static async Task<Receiver> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var receiver = new Receiver(builder.Build());
        receiver._app.Run(receiver.TakeAsync);
        await receiver._app.StartAsync(ct);
        return receiver;
    }

    public async Task UntilAsync(int received, CancellationToken ct)
    {
        while (Received.Count < received) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, ct);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var headers = http.Request.Headers.ToDictionary(static h => h.Key.ToLowerInvariant(), static h => h.Value.ToString());
        var message = headers.GetValueOrDefault("webhook-id");
        var fails = FailsFirst && Received.All(before => before.Headers.GetValueOrDefault("webhook-id") != message);
        Received.Enqueue(new(http.Request.Path.ToString(), headers, await reader.ReadToEndAsync(http.RequestAborted)));
        http.Response.StatusCode = fails ? StatusCodes.Status500InternalServerError : Status;
    }
}
