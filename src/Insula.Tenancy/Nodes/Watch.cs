namespace Insula.Tenancy.Nodes;

/// <summary>Background work that looks for something to do now and then, and outlives a store that is away.</summary>
public static class Watch
{
    /// <summary>Looks, and rests about the period unless there may be more, until the token ends.</summary>
    /// <param name="look">Whether there may be more.</param>
    /// <param name="failed">Why a look failed, and whether it is the first to fail since one did not. Then comes a pause, each about twice the one before.</param>
    public static Task RunAsync(TimeProvider time, TimeSpan period, Func<CancellationToken, Task<bool>> look, Action<Exception, bool> failed, CancellationToken stopping) =>
        RunAsync(time, ct => Task.Delay(Backoff.About(period), time, ct), look, failed, stopping);

    /// <param name="rest">Ends when it is time to look again.</param>
    public static async Task RunAsync(TimeProvider time, Func<CancellationToken, Task> rest, Func<CancellationToken, Task<bool>> look, Action<Exception, bool> failed, CancellationToken stopping)
    {
        var backoff = new Backoff(time);
        try
        {
            while (true)
            {
                try
                {
                    var more = await look(stopping);
                    backoff.Reset();
                    if (more) continue;
                }
                catch (Exception error) when (!stopping.IsCancellationRequested)
                {
                    failed(error, backoff.Failures == 0);
                    await backoff.WaitAsync(stopping);
                    continue;
                }

                await rest(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }
}
