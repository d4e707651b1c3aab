using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>
/// What a crash leaves: file and log are copied inside a write, so that they are from one moment in the middle of a
/// transaction, while other writers queue. Each image is opened as after a restart, whole and with its log torn.
/// </summary>
public sealed class CrashImageTests
{
    private const int Seed = 20261122;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_image_holds_what_was_acknowledged_and_a_log_without_gaps()
    {
        await using var home = new TenantFileHome();
        var tenant = Id<Tenant>.New();
        var session = NewSession();
        List<Image> images;
        using (var lease = await home.LeaseAsync(tenant))
        {
            await TenantFileHome.Sessions(lease.File, tenant).AddAsync(session, [], Ct);
            images = await TakeImagesAsync(lease.File, tenant, session.Id, home);
        }

        Assert.Contains(images, static image => image.Acknowledged > 0);
        foreach (var image in images)
        {
            var log = await ReopenAsync(image.Path, tenant, session.Id, home);
            Assert.True(log >= image.Acknowledged, $"{image.Acknowledged} events were acknowledged, {log} are there");
        }
    }

    [Fact]
    public async Task A_torn_or_spoiled_log_gives_a_shorter_history_and_never_a_wrong_one()
    {
        await using var home = new TenantFileHome();
        var tenant = Id<Tenant>.New();
        var session = NewSession();
        Image image;
        using (var lease = await home.LeaseAsync(tenant))
        {
            await TenantFileHome.Sessions(lease.File, tenant).AddAsync(session, [], Ct);
            image = (await TakeImagesAsync(lease.File, tenant, session.Id, home))[^1];
        }

        var chance = new Random(Seed);
        var wal = await File.ReadAllBytesAsync(image.Path + "-wal", Ct);
        var file = await File.ReadAllBytesAsync(image.Path, Ct);
        for (var i = 0; i < 60; i++)
        {
            var path = Path.Combine(home.Folder, $"torn-{i}.db");
            var torn = i % 3 == 0 ? wal[..chance.Next(wal.Length)] : (byte[])wal.Clone();
            if (i % 3 == 1) torn.AsSpan(chance.Next(torn.Length)).Clear();
            if (i % 3 == 2) torn[chance.Next(torn.Length)] ^= (byte)(1 << chance.Next(8));
            await File.WriteAllBytesAsync(path, file, Ct);
            await File.WriteAllBytesAsync(path + "-wal", torn, Ct);
            await ReopenAsync(path, tenant, session.Id, home);
        }
    }

    /// <summary>Four writers append while every few writes one of them copies the files in the middle of its transaction.</summary>
    private static async Task<List<Image>> TakeImagesAsync(SqliteFile file, Id<Tenant> tenant, Id<Session> session, TenantFileHome home)
    {
        var store = TenantFileHome.Sessions(file, tenant);
        var acknowledged = 0L;
        List<Image> images = [];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(
            async () =>
            {
                for (var i = 0; i < 40; i++)
                {
                    var events = (await store.AppendInputAsync(session, [Message($"{writer}.{i}"), Message(new string('x', 500))], static _ => null, DateTimeOffset.UnixEpoch, Ct))!.Value.Value;
                    Interlocked.Add(ref acknowledged, events.Count);
                    if (writer == 0 && i % 4 == 3) await file.WriteAsync(_ => Copy(), Ct);
                }
            },
            Ct)));
        return images;

        bool Copy()
        {
            var image = new Image(Path.Combine(home.Folder, $"image-{images.Count}.db"), Interlocked.Read(ref acknowledged));
            File.Copy(home.PathOf(tenant), image.Path);
            File.Copy(home.PathOf(tenant) + "-wal", image.Path + "-wal");
            images.Add(image);
            return true;
        }
    }

    /// <summary>Opens an image and checks its log; the number of its events, or 0 when the session itself is not there.</summary>
    private static async Task<long> ReopenAsync(string path, Id<Tenant> tenant, Id<Session> session, TenantFileHome home)
    {
        await using var file = SqliteFile.Open(path, Schema.Tenant, home.Threads, home.Time);
        var store = TenantFileHome.Sessions(file, tenant);
        if (await store.FindAsync(session, Ct) is not { } found) return 0;
        var log = await store.ReadAsync(session, 0, 1000, Ct);
        Assert.Equal(Enumerable.Range(1, log.Count).Select(static i => (long)i), log.Select(static e => e.Seq));
        Assert.Equal(log.Count, found.LastSeq);
        Assert.Equal(0, log.Count % 2);
        Assert.Equal("ok", await file.ReadAsync(static link => link.First("pragma integrity_check", static row => row.GetString(0)), Ct));

        // And it goes on from there.
        var next = (await store.AppendInputAsync(session, [Message("after the crash")], static _ => null, DateTimeOffset.UnixEpoch, Ct))!.Value.Value;
        Assert.Equal(log.Count + 1, next[0].Seq);
        return log.Count;
    }

    private static NewEvent Message(string text) => new(new UserMessage([ContentBlock.OfText(text)]));

    private static Session NewSession() => new(
        Id<Session>.New(),
        Id<Agent>.New(),
        1,
        new AgentDefinition { Name = "a", Model = new("insula/scripted") },
        Id<AgentEnvironment>.New(),
        null,
        new Dictionary<string, string>(),
        null,
        SessionStatus.Idle,
        0,
        0,
        false,
        default,
        0,
        DateTimeOffset.UnixEpoch,
        DateTimeOffset.UnixEpoch,
        null);

    private sealed record Image(string Path, long Acknowledged);
}
