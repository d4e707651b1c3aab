using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Insula.TestKit.Processes;

/// <summary>
/// A server that tools act on, and that counts what was done to it. <c>/keyed</c> honours the idempotency key, <c>/plain</c>
/// ignores it, and <c>/late</c> acts and never answers.
/// </summary>
public sealed class EffectServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<(string Tool, string Key), int> _calls = [];
    private readonly CancellationTokenSource _closing = new();

    private EffectServer(WebApplication app) => _app = app;

    public Uri Url => new(_app.Urls.Single());

    public static async Task<EffectServer> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var server = new EffectServer(builder.Build());
        server._app.Run(server.ActAsync);
        await server._app.StartAsync(ct);
        return server;
    }

    /// <summary>How often the tool was called with this key.</summary>
    public int Calls(string tool, string key) => _calls.GetValueOrDefault((tool, key));

    /// <summary>Every key that the tool was called with.</summary>
    public IReadOnlyCollection<string> Keys(string tool) => [.. _calls.Keys.Where(call => call.Tool == tool).Select(static call => call.Key)];

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _app.DisposeAsync();
        _closing.Dispose();
    }

    private async Task ActAsync(HttpContext http)
    {
        var tool = http.Request.Path.Value!.TrimStart('/');
        _calls.AddOrUpdate((tool, http.Request.Headers["Idempotency-Key"].ToString()), 1, static (_, times) => times + 1);
        if (tool == "late") await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _closing.Token).Token);
        await http.Response.WriteAsync("done", http.RequestAborted);
    }
}
