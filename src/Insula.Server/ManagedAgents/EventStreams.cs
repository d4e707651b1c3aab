using Insula.Agents.Runs;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

/// <summary>
/// Writes live views of sessions as server-sent events. A stream observes durable work: when its client leaves, the run
/// goes on. Logged events carry their number as <c>id</c>, so a client that comes back with it misses nothing; previews
/// carry none, so they never become a cursor. The stream ends when the session is gone, when the server stops, and as
/// soon as its key would be refused: at once when this node made the change or hears of it, at the next keep-alive otherwise.
/// A client that does not read holds up its own stream only: nothing is fetched for it while a write waits.
/// </summary>
internal sealed class EventStreams(CheckStanding standing, AccessSignals signals, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Below the idle limit of common proxies, which is 60 seconds and sometimes 30.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan GoodbyeLimit = TimeSpan.FromSeconds(1);

    private static readonly byte[] StoppingFrame = ": the server is stopping; reconnect with Last-Event-ID\nretry: 1000\n\n"u8.ToArray();

    private static readonly byte[] KeepAliveFrame = ": keep-alive\n\n"u8.ToArray();

    /// <param name="previews">The types of events to preview.</param>
    public IResult Answer(IAsyncEnumerable<FeedItem> items, IReadOnlyList<string> previews) => new StreamResult(this, items, new EventFrames(previews, time));

    private async Task WriteAsync(HttpContext http, IAsyncEnumerable<FeedItem> items, EventFrames frames)
    {
        var scope = http.TenantScope();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        var ended = stop.Token;
        var refused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscription = signals.Subscribe(change =>
        {
            if (change.Ends(scope)) refused.TrySetResult();
            else if (change is TenantTouched && change.Tenant == scope.Tenant) _ = DoubtAsync(scope, refused, ended);
        });

        var headers = http.Response.Headers;
        headers.ContentType = "text/event-stream; charset=utf-8";
        headers.CacheControl = "no-cache";
        headers["X-Accel-Buffering"] = "no";
        try
        {
            await http.Response.StartAsync(stop.Token);
            await http.Response.Body.FlushAsync(stop.Token);
            var fault = await CopyAsync(http, items, frames, refused.Task, stop.Token);
            if (fault is not null) await SendAsync(http, EventFrames.Error(fault, http.TraceIdentifier), refused: null, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            if (!http.RequestAborted.IsCancellationRequested) await SayStoppingAsync(http);
        }
    }

    /// <summary>
    /// The server stops: the client is told to come back soon, with the last id that it has. A comment and a
    /// <c>retry</c> field say it, which every reader of server-sent events takes and none hands on as an event.
    /// </summary>
    private async Task SayStoppingAsync(HttpContext http)
    {
        try
        {
            using var limit = new CancellationTokenSource(GoodbyeLimit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, limit.Token);
            await http.Response.BodyWriter.WriteAsync(StoppingFrame, either.Token);
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // A client that does not read comes back all the same.
        }
    }

    /// <summary>Ends the stream if its key would be refused now.</summary>
    private async Task DoubtAsync(TenantScope scope, TaskCompletionSource refused, CancellationToken ct)
    {
        try
        {
            if (await LapsedAsync(scope, ct) is not null) refused.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            // The stream ended by itself.
        }
    }

    /// <summary>The refusal that the stream's key would meet now, or null. A store that is away refuses nobody; it is asked again at the next keep-alive.</summary>
    private async Task<Fault?> LapsedAsync(TenantScope scope, CancellationToken ct)
    {
        try
        {
            return await standing.RunAsync(scope, ct);
        }
        catch (FaultException error) when (error.Fault.Kind == FaultKind.Unavailable)
        {
            return null;
        }
    }

    /// <summary>Copies until the end; the fault that the client must be told, or null when the session ended.</summary>
    private async Task<Fault?> CopyAsync(HttpContext http, IAsyncEnumerable<FeedItem> items, EventFrames frames, Task refused, CancellationToken ct)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = new PeriodicTimer(KeepAlive, time);
        var feed = items.GetAsyncEnumerator(leave.Token);
        var next = feed.MoveNextAsync().AsTask();
        var tick = timer.WaitForNextTickAsync(leave.Token).AsTask();
        try
        {
            while (true)
            {
                var first = await Task.WhenAny(refused, next, tick);
                if (first == tick)
                {
                    await tick;
                    if (await LapsedAsync(http.TenantScope(), ct) is { } lapsed) return lapsed;
                    await SendAsync(http, KeepAliveFrame, refused, ct);
                    tick = timer.WaitForNextTickAsync(leave.Token).AsTask();
                    continue;
                }

                if (first == refused) return await LapsedAsync(http.TenantScope(), ct) ?? Authenticate.InvalidKey;
                if (!await next) return null;
                if (frames.Of(feed.Current) is { } frame) await SendAsync(http, frame, refused, ct);
                next = feed.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // The enumerator may only be disposed between two moves, so the one under way is ended first.
            await leave.CancelAsync();
            await Task.WhenAny(next);
            await feed.DisposeAsync();
        }
    }

    /// <summary>Sends one frame. A client that holds up the write past its key's end is cut off.</summary>
    private static async Task SendAsync(HttpContext http, ReadOnlyMemory<byte> frame, Task? refused, CancellationToken ct)
    {
        var sent = http.Response.BodyWriter.WriteAsync(frame, ct).AsTask();
        if (refused is null || await Task.WhenAny(sent, refused) == sent || sent.IsCompleted)
        {
            await sent;
            return;
        }

        http.Abort();
        throw new OperationCanceledException(http.RequestAborted);
    }

    private sealed class StreamResult(EventStreams streams, IAsyncEnumerable<FeedItem> items, EventFrames frames) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => streams.WriteAsync(httpContext, items, frames);
    }
}
