using System.Net;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Watches a session as clients do: a stream that breaks is opened again after the last event that was seen, and whatever
/// happens in between, each event comes once and in order.
/// </summary>
/// <param name="client">A client of a node that is up; asked for each stream.</param>
internal sealed class Watcher(PlacedSession placed, Func<HttpClient> client)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public long Seen { get; private set; }

    public int Answers { get; private set; }

    public int Streams { get; private set; }

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Streams++;
                await foreach (var e in client().WatchAsync(placed.Session, Seen, stop))
                {
                    Assert.Equal(++Seen, e.Seq);
                    if (e.Type == "agent.message") Answers++;
                }
            }
            catch (HttpRequestException e) when (e.StatusCode is null or HttpStatusCode.ServiceUnavailable)
            {
                // Nobody there, or refused for now.
                await Task.Delay(Pause, TimeProvider.System, CancellationToken.None);
            }
            catch (Exception e) when (e is IOException || stop.IsCancellationRequested)
            {
                // Cut off in the middle: the next stream goes on from there.
            }
        }
    }
}
