using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

public sealed class TenantFilesTests
{
    /// <summary>Main file, log, shared memory, and two for each of two readers.</summary>
    private const int DescriptorsPerTenant = 7;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Callers_at_once_open_a_file_once_and_share_it()
    {
        await using var home = new TenantFileHome();
        var tenant = Id<Tenant>.New();
        var leases = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => home.LeaseAsync(tenant), Ct)));
        Assert.Single(leases.Select(static lease => lease.File).Distinct());
        Assert.Single(home.Descriptors(), path => path == home.PathOf(tenant));
        foreach (var lease in leases) lease.Dispose();
        Assert.Throws<ObjectDisposedException>(() => leases[0].File);
    }

    [Fact]
    public async Task Never_more_files_are_open_than_the_limit()
    {
        const int max = 4;
        await using var home = new TenantFileHome(openMax: max);
        var held = new Queue<TenantFiles.Lease>();
        var chance = new Random(4);
        var tenants = Enumerable.Range(0, 12).Select(_ => Id<Tenant>.New()).ToArray();
        for (var i = 0; i < 100; i++)
        {
            if (held.Count == max - 1) held.Dequeue().Dispose();
            held.Enqueue(await home.LeaseAsync(tenants[chance.Next(tenants.Length)]));
            await home.TouchAsync(tenants[chance.Next(tenants.Length)]);

            // Nothing opens or closes now, so the listing is a snapshot.
            var open = home.Descriptors();
            Assert.InRange(open.Select(static path => Path.GetDirectoryName(path)).Distinct().Count(), 1, max);
            Assert.InRange(open.Count, 1, max * DescriptorsPerTenant);
        }

        foreach (var lease in held) lease.Dispose();
    }

    [Fact]
    public async Task Many_callers_on_few_places_all_get_their_turn_and_lose_no_write()
    {
        await using var home = new TenantFileHome(openMax: 3);
        var tenants = Enumerable.Range(0, 10).Select(_ => Id<Tenant>.New()).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct }, async (i, _) =>
        {
            using var lease = await home.LeaseAsync(tenants[i * 7 % tenants.Length]);
            await lease.File.WriteAsync(static link => link.Run("insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at) select 't', count(*), '', '{}', '{}', 0, 0 from environments"), Ct);
        });

        var rows = 0L;
        foreach (var tenant in tenants)
        {
            using var lease = await home.LeaseAsync(tenant);
            rows += await lease.File.ReadAsync(static link => link.Number("select count(*) from environments"), Ct);
        }

        Assert.Equal(200, rows);
    }

    [Fact]
    public async Task A_thousand_cold_tenants_hold_no_descriptor_and_no_timer()
    {
        var clock = new ManualClock();
        await using var home = new TenantFileHome(openMax: 50, diskThreads: 16, time: clock);
        await Parallel.ForEachAsync(Enumerable.Range(0, 1000), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct }, async (_, _) => await home.TouchAsync(Id<Tenant>.New()));
        Assert.Equal(1000, Directory.GetFiles(home.Folder, "tenant.db", SearchOption.AllDirectories).Length);
        Assert.NotEmpty(home.Descriptors());

        clock.Advance(TimeSpan.FromMinutes(10));
        Assert.True(SpinWait.SpinUntil(() => home.Descriptors().Count == 0, TimeSpan.FromSeconds(20)));
        Assert.Equal(0, clock.TimersArmed);
    }

    [Fact]
    public async Task A_file_in_use_is_not_closed_for_being_old_and_an_idle_one_only_when_its_time_came()
    {
        var clock = new ManualClock();
        await using var home = new TenantFileHome(time: clock);
        var (used, idle) = (Id<Tenant>.New(), Id<Tenant>.New());
        using var lease = await home.LeaseAsync(used);
        await home.TouchAsync(idle);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.Contains(home.PathOf(idle), home.Descriptors());
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(SpinWait.SpinUntil(() => !home.Descriptors().Contains(home.PathOf(idle)), TimeSpan.FromSeconds(10)));
        Assert.Equal(0, await lease.File.ReadAsync(static link => link.Number("select count(*) from sessions"), Ct));
    }

    [Fact]
    public async Task When_all_are_in_use_a_caller_waits_for_its_turn_and_at_last_is_refused()
    {
        var clock = new ManualClock();
        await using var home = new TenantFileHome(openMax: 1, time: clock);
        var first = await home.LeaseAsync(Id<Tenant>.New());
        var waiting = home.LeaseAsync(Id<Tenant>.New());
        Assert.False(waiting.IsCompleted);
        first.Dispose();
        var second = await waiting;

        waiting = home.LeaseAsync(Id<Tenant>.New());
        clock.Advance(TimeSpan.FromSeconds(10));
        var refused = await Assert.ThrowsAsync<FaultException>(() => waiting);
        Assert.Equal(("too_many_open_stores", FaultKind.Unavailable), (refused.Fault.Code, refused.Fault.Kind));

        using var cancel = new CancellationTokenSource();
        var cancelled = home.Files.LeaseAsync(Id<Tenant>.New(), cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        second.Dispose();
        await home.TouchAsync(Id<Tenant>.New());
    }

    [Fact]
    public async Task Callers_that_give_up_while_a_file_opens_leave_it_usable()
    {
        await using var home = new TenantFileHome(openMax: 2);
        for (var round = 0; round < 30; round++)
        {
            var tenant = Id<Tenant>.New();
            using var cancel = new CancellationTokenSource();
            var asked = Enumerable.Range(0, 4).Select(_ => Task.Run(() => home.Files.LeaseAsync(tenant, cancel.Token).AsTask(), Ct)).ToList();
            var stays = Task.Run(() => home.LeaseAsync(tenant), Ct);
            await cancel.CancelAsync();
            foreach (var ask in asked)
            {
                try
                {
                    (await ask).Dispose();
                }
                catch (OperationCanceledException)
                {
                    // Either outcome is fine; what counts is that no lease is lost.
                }
            }

            (await stays).Dispose();
        }
    }

    [Fact]
    public async Task After_closing_everybody_is_refused_clearly()
    {
        await using var home = new TenantFileHome();
        var tenant = Id<Tenant>.New();
        await home.TouchAsync(tenant);
        await home.Files.DisposeAsync();
        Assert.Empty(home.Descriptors());
        Assert.Equal("store_closed", (await Assert.ThrowsAsync<FaultException>(() => home.LeaseAsync(tenant))).Fault.Code);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("tnt_../../../../../etc/pass")]
    [InlineData("tnt_0000000000000000000000\0")]
    [InlineData("tnt_000000000000000000000")]
    [InlineData("TNT_0000000000000000000001")]
    [InlineData("tnt_ＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡＡ")]
    [InlineData("tnt_zzzzzzzzzzzzzzzzzzzzzz")]
    [InlineData("")]
    public void Hostile_ids_are_no_ids(string text) => Assert.False(Id<Tenant>.TryParse(text, out _));

    [Fact]
    public async Task A_path_is_made_of_hex_digits_and_differs_even_where_case_is_folded()
    {
        await using var home = new TenantFileHome();
        var lower = Id<Tenant>.Parse("tnt_000000000000000000000a");
        var upper = Id<Tenant>.Parse("tnt_000000000000000000000A");
        Assert.NotEqual(home.PathOf(lower), home.PathOf(upper), StringComparer.OrdinalIgnoreCase);
        Assert.Matches("^/tenants/[0-9a-f]{2}/[0-9a-f]{32}/tenant.db$", home.PathOf(upper)[home.Folder.Length..]);
        Assert.Matches("^/tenants/[0-9a-f]{2}/[0-9a-f]{32}/tenant.db$", home.PathOf(new(UInt128.MaxValue))[home.Folder.Length..]);
    }

    [Fact]
    public async Task Folders_and_files_are_for_their_owner_only()
    {
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var home = new TenantFileHome();
        using var lease = await home.LeaseAsync(Id<Tenant>.New());
        await lease.File.WriteAsync(static link => link.Run("insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at) values ('t', 'e', '', '{}', '{}', 0, 0)"), Ct);
        Assert.All(Directory.GetFiles(home.Folder, "*", SearchOption.AllDirectories), static file => Assert.Equal(ownerOnly, ModeOf(file)));
        Assert.All([home.Folder, .. Directory.GetDirectories(home.Folder, "*", SearchOption.AllDirectories)], static folder => Assert.Equal(ownerOnly | UnixFileMode.UserExecute, ModeOf(folder)));
    }

    private static UnixFileMode ModeOf(string path) => OperatingSystem.IsWindows() ? throw new PlatformNotSupportedException() : File.GetUnixFileMode(path);
}
