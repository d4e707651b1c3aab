using Insula.Storage.Postgres;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Storage;

/// <summary>
/// Brings tenants' own schemas and databases to this program's version while it serves. Of all nodes one does it at a
/// time. What fails, and a server that is away, is tried again later; nothing of it ends the server.
/// </summary>
public sealed partial class MigrateTenants(PostgresStorage storage, MigrationMetrics metrics, TimeProvider time, ILogger<MigrateTenants> log)
{
    /// <summary>The name under which one node holds the sweep.</summary>
    internal const string Hold = "insula sweep";

    /// <summary>When all is done: a tenant falls behind again only when somebody restores an old copy of it.</summary>
    internal static readonly TimeSpan Rest = TimeSpan.FromMinutes(10);

    /// <summary>After a tenant failed.</summary>
    internal static readonly TimeSpan Retry = TimeSpan.FromMinutes(5);

    /// <summary>While another node sweeps, or a server is away.</summary>
    internal static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);

    private const int TellAfter = 100;
    private const int FailuresToldMax = 20;

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            TimeSpan wait;
            try
            {
                wait = await PassAsync(ct);
            }
            catch (Exception error) when (!ct.IsCancellationRequested)
            {
                LogPassFailed((error as FaultException)?.Fault.Internal ?? error.Message, Soon.TotalSeconds, error);
                wait = Soon;
            }

            await Task.Delay(wait, time, ct);
        }
    }

    /// <summary>One pass, if there is anything to do and nobody else does it; how long to wait for the next.</summary>
    internal async Task<TimeSpan> PassAsync(CancellationToken ct)
    {
        var sweep = new SweepTenants(storage.Servers);
        var before = await CountAsync(sweep, ct);
        if (before.Stores == 0) return before.ServersAway == 0 ? Rest : Soon;

        await using var hold = await PgHold.TryTakeAsync(storage.ServerOf(PlacementOptions.MainServer), Hold, ct);
        if (hold is null) return Soon;

        LogBegun(before.Stores, before.Failed);
        var progress = new Progress(before.Stores);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var telling = TellAsync(progress, ended.Token);
        try
        {
            await sweep.RunAsync(swept => Note(progress, swept), ct);
        }
        finally
        {
            await ended.CancelAsync();
            await telling;
        }

        LogEnded(progress.Done, progress.Failed);
        return (await CountAsync(sweep, ct)).Stores == 0 ? Rest : Retry;
    }

    private async Task<BehindCount> CountAsync(SweepTenants sweep, CancellationToken ct)
    {
        var count = await sweep.CountAsync(ct);
        metrics.Counted(count.Stores, count.Failed);
        return count;
    }

    private void Note(Progress progress, SweptPlace swept)
    {
        var (done, failed) = progress.Note(swept.Failure is not null);
        metrics.Counted(Math.Max(0, progress.Total - done + failed), failed);
        if (swept.Failure is { } failure && failed <= FailuresToldMax)
            LogStoreFailed(swept.Place.Tenant, swept.Place.Name, swept.Server, $"{failure.Code}: {failure.Internal ?? failure.Message}");
        if (done % TellAfter == 0) LogProgress(done, progress.Total, failed);
    }

    /// <summary>Tells how far it is while one store takes long.</summary>
    private async Task TellAsync(Progress progress, CancellationToken ct)
    {
        using var tick = new PeriodicTimer(TellEvery, time);
        try
        {
            while (await tick.WaitForNextTickAsync(ct)) LogProgress(progress.Done, progress.Total, progress.Failed);
        }
        catch (OperationCanceledException)
        {
            // The pass is over.
        }
    }

    [LoggerMessage(EventId = 3101, Level = LogLevel.Information, Message = "{Stores} tenants' stores lack a migration ({Failed} of them failed before); bringing them up to date")]
    private partial void LogBegun(long stores, long failed);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Information, Message = "Migrated {Done} of {Total} tenants' stores, {Failed} failed")]
    private partial void LogProgress(long done, long total, long failed);

    [LoggerMessage(EventId = 3103, Level = LogLevel.Information, Message = "Tenants' stores are gone through: {Done}, of which {Failed} failed and will be tried again")]
    private partial void LogEnded(long done, long failed);

    [LoggerMessage(EventId = 3104, Level = LogLevel.Error, Message = "The store of {Tenant} ({Place} on {Server}) could not be migrated: {Detail}")]
    private partial void LogStoreFailed(Id<Tenant> tenant, string place, string server, string detail);

    [LoggerMessage(EventId = 3105, Level = LogLevel.Warning, Message = "Migrating tenants' stores was cut short and goes on in {Seconds} s: {Detail}")]
    private partial void LogPassFailed(string detail, double seconds, Exception error);

    /// <summary>Counted by several threads.</summary>
    private sealed class Progress(long total)
    {
        private long _done;
        private long _failed;

        public long Total => total;

        public long Done => Volatile.Read(ref _done);

        public long Failed => Volatile.Read(ref _failed);

        public (long Done, long Failed) Note(bool failed) =>
            (Interlocked.Increment(ref _done), failed ? Interlocked.Increment(ref _failed) : Volatile.Read(ref _failed));
    }
}
