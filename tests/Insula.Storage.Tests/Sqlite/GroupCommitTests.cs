using System.Runtime.InteropServices;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>Each test holds the disk thread in one write while others queue, so that these are one batch.</summary>
public sealed class GroupCommitTests : IAsyncLifetime
{
    private const string Insert = "insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at) values ('t', @id, '', '{}', '{}', 0, 0)";

    private readonly TenantFileHome _home = new();
    private readonly Id<Tenant> _tenant = Id<Tenant>.New();
    private TenantFiles.Lease _lease = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private SqliteFile File => _lease.File;

    public async ValueTask InitializeAsync() => _lease = await _home.LeaseAsync(_tenant);

    public async ValueTask DisposeAsync()
    {
        _lease.Dispose();
        await _home.DisposeAsync();
    }

    [Fact]
    public async Task Writes_that_queue_together_share_one_commit()
    {
        var before = File.Commits;
        var writes = await Together(100, static (link, i) => link.Run(Insert, ("@id", $"e{i}")));
        await Task.WhenAll(writes);
        Assert.Equal(2, File.Commits - before);
        Assert.Equal(100, await CountAsync());
    }

    [Fact]
    public async Task A_write_that_fails_takes_back_only_its_own_rows()
    {
        var writes = await Together(30, static (link, i) =>
        {
            link.Run(Insert, ("@id", $"e{i}"));
            if (i % 3 == 0) throw new InvalidOperationException($"write {i}");
            if (i % 3 == 1) link.Run(Insert, ("@id", $"e{i}"));
            return i;
        });
        for (var i = 0; i < writes.Count; i++)
        {
            if (i % 3 == 0) Assert.Equal($"write {i}", (await Assert.ThrowsAsync<InvalidOperationException>(() => writes[i])).Message);
            else if (i % 3 == 1) await Assert.ThrowsAnyAsync<Exception>(() => writes[i]);
            else Assert.Equal(i, await writes[i]);
        }

        Assert.Equal(10, await CountAsync());
    }

    [Fact]
    public async Task A_commit_that_fails_is_told_to_everybody_in_the_batch_and_the_file_goes_on()
    {
        await File.WriteAsync(static link => link.Run(Insert, ("@id", "acknowledged")), Ct);
        var writes = await Together(10, static (link, i) =>
        {
            link.Run(Insert, ("@id", $"e{i}"));
            if (i != 4) return 0;
            // A missing parent that is looked for only at the commit.
            link.Run("pragma defer_foreign_keys = on");
            return link.Run("insert into runs (tenant_id, run_id, session_id, status, steps, started_at) values ('t', 'r', 'missing', 'running', 0, 0)");
        });
        foreach (var write in writes) await Assert.ThrowsAnyAsync<Exception>(() => write);
        Assert.Equal(1, await CountAsync());

        await File.WriteAsync(static link => link.Run(Insert, ("@id", "later")), Ct);
        Assert.Equal(2, await CountAsync());
        Assert.Null(File.Failure);
    }

    [Fact]
    public async Task A_full_disk_refuses_the_write_keeps_the_rest_and_takes_writes_again_when_there_is_room()
    {
        await File.WriteAsync(static link => link.Run(Insert, ("@id", "acknowledged")), Ct);
        await File.WriteAsync(
            static link =>
            {
                link.Script($"pragma max_page_count = {link.Number("pragma page_count")}");
                return 0;
            },
            Ct);
        var full = await Assert.ThrowsAsync<FaultException>(() => File.WriteAsync(link => link.Run(Insert, ("@id", new string('x', 100_000))), Ct));
        Assert.Equal(("store_full", FaultKind.Unavailable), (full.Fault.Code, full.Fault.Kind));
        Assert.DoesNotContain(_home.Folder, full.Message, StringComparison.Ordinal);
        Assert.Equal(1, await CountAsync());

        await File.WriteAsync(
            static link =>
            {
                link.Script("pragma max_page_count = 1000000");
                return 0;
            },
            Ct);
        await File.WriteAsync(link => link.Run(Insert, ("@id", new string('x', 100_000))), Ct);
        Assert.Equal(2, await CountAsync());
    }

    [Fact]
    public async Task A_disk_that_refuses_a_write_ends_writing_until_the_restart_and_loses_nothing_acknowledged()
    {
        await File.WriteAsync(static link => link.Run(Insert, ("@id", "acknowledged")), Ct);
        TurnReadOnly(_home.PathOf(_tenant) + "-wal");

        var writes = await Together(5, static (link, i) => link.Run(Insert, ("@id", $"e{i}")));
        foreach (var write in writes) Assert.Equal("store_failed", (await Assert.ThrowsAsync<FaultException>(() => write)).Fault.Code);
        Assert.Equal("store_failed", (await Assert.ThrowsAsync<FaultException>(() => File.WriteAsync(static link => link.Run(Insert, ("@id", "late")), Ct))).Fault.Code);
        Assert.Equal(1, await CountAsync());

        _lease.Dispose();
        Assert.Equal("store_failed", (await Assert.ThrowsAsync<FaultException>(() => _home.LeaseAsync(_tenant))).Fault.Code);
        await _home.TouchAsync(Id<Tenant>.New());

        await using var restarted = new TenantFiles(_home.DataFolder, _home.Threads, new StorageOptions { DataFolder = _home.Folder }, _home.Time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Assert.True(SpinWait.SpinUntil(() => !_home.Descriptors().Any(path => path.StartsWith(_home.PathOf(_tenant), StringComparison.Ordinal)), TimeSpan.FromSeconds(10)));
        using var again = await restarted.LeaseAsync(_tenant, Ct);
        Assert.Equal(1, await again.File.ReadAsync(static link => link.Number("select count(*) from environments"), Ct));
    }

    [Fact]
    public async Task Closing_finishes_what_is_queued()
    {
        var writes = await Together(50, static (link, i) => link.Run(Insert, ("@id", $"e{i}")));
        _lease.Dispose();
        await _home.Files.DisposeAsync();
        await Task.WhenAll(writes);
        Assert.False(System.IO.File.Exists(_home.PathOf(_tenant) + "-wal"));
        using var look = SqliteLink.Open(_home.PathOf(_tenant));
        Assert.Equal(50, look.Number("select count(*) from environments"));
    }

    [Fact]
    public async Task A_write_cancelled_in_the_queue_does_not_happen_and_its_neighbours_do()
    {
        using var cancel = new CancellationTokenSource();
        using var gate = new ManualResetEventSlim();
        var blocker = await BlockAsync(gate);
        var cancelled = File.WriteAsync(static link => link.Run(Insert, ("@id", "cancelled")), cancel.Token);
        var kept = File.WriteAsync(static link => link.Run(Insert, ("@id", "kept")), Ct);
        await cancel.CancelAsync();
        gate.Set();
        await Task.WhenAll(blocker, kept);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(1, await CountAsync());
    }

    private Task<long> CountAsync() => File.ReadAsync(static link => link.Number("select count(*) from environments"), Ct);

    /// <summary>A write that waits in its transaction until the gate opens; the test goes on when it is there.</summary>
    private async Task<Task> BlockAsync(ManualResetEventSlim gate)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var blocker = File.WriteAsync(
            _ =>
            {
                entered.SetResult();
                return gate.Wait(TimeSpan.FromSeconds(30));
            },
            Ct);
        await entered.Task;
        return blocker;
    }

    private async Task<List<Task<int>>> Together(int count, Func<SqliteLink, int, int> work)
    {
        using var gate = new ManualResetEventSlim();
        var blocker = await BlockAsync(gate);
        var writes = Enumerable.Range(0, count).Select(i => File.WriteAsync(link => work(link, i), Ct)).ToList();
        gate.Set();
        await blocker;
        return writes;
    }

    /// <summary>Puts a read-only descriptor in the place of the open one, as a disk does that went read-only under the program.</summary>
    private static void TurnReadOnly(string path)
    {
        var descriptor = Directory.GetFiles("/proc/self/fd").Single(link => new FileInfo(link).LinkTarget == path);
        using var readOnly = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Assert.True(DuplicateTo((int)readOnly.DangerousGetHandle(), int.Parse(Path.GetFileName(descriptor))) >= 0);
    }

    [DllImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static extern int DuplicateTo(int from, int to);
}
