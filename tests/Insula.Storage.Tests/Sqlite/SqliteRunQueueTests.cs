using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteRunQueueTests : RunQueueContract
{
    private readonly ManualClock _clock = new();
    private readonly SqliteHome _home;

    public SqliteRunQueueTests() => _home = new() { Time = _clock };

    protected override TimeProvider Time => _clock;

    [Fact]
    public async Task A_lease_ends_with_the_process_that_held_the_folder()
    {
        var entry = new QueuedSession(Id<Tenant>.New(), Id<Session>.New());
        await Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
        await Queue.TryLeaseAsync(entry, A, TimeSpan.FromDays(10_000), Ct);
        Assert.Empty(await Queue.ListFreeAsync(FreeEntries.Dropped, 0, 10, Ct));

        Stores = await ReopenAsync();
        Assert.Equal([entry], (await Queue.ListFreeAsync(FreeEntries.Dropped, 0, 10, Ct)).Select(static free => free.Entry));
        Assert.NotNull(await Queue.TryLeaseAsync(entry, B, TimeSpan.FromDays(1), Ct));
    }

    [Fact]
    public async Task A_start_counts_what_the_last_process_still_held_as_left_behind_and_not_what_it_gave_back()
    {
        var (left, given) = (new QueuedSession(Id<Tenant>.New(), Id<Session>.New()), new QueuedSession(Id<Tenant>.New(), Id<Session>.New()));
        foreach (var entry in new[] { left, given })
        {
            await Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
            await Queue.TryLeaseAsync(entry, A, TimeSpan.FromDays(10_000), Ct);
        }

        await Queue.ReleaseAsync(given, A, default, Ct);
        Stores = await ReopenAsync();
        Stores = await ReopenAsync();
        Assert.Equal(1, (await Queue.TryLeaseAsync(left, B, TimeSpan.FromDays(1), Ct))!.Abandoned);
        Assert.Equal(0, (await Queue.TryLeaseAsync(given, B, TimeSpan.FromDays(1), Ct))!.Abandoned);
    }

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override async Task<IServiceProvider> ReopenAsync()
    {
        await _home.ReopenAsync();
        return _home.Services;
    }

    protected override ValueTask CloseAsync() => _home.DisposeAsync();

    protected override Task PassAsync(TimeSpan time)
    {
        _clock.Advance(time);
        return Task.CompletedTask;
    }

    protected override IRunQueue QueueOf(int node) => Queue;
}
