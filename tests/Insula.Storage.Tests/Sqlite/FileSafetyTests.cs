using System.Security.Cryptography;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Sqlite;

/// <summary>A file that this program must not touch is refused with the reason, and every byte below the folder stays as it was.</summary>
public sealed class FileSafetyTests
{
    private readonly Id<Tenant> _tenant = Id<Tenant>.New();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Damages => new()
    {
        { "empty", "store_unreadable" },
        { "short", "store_unreadable" },
        { "text", "store_unreadable" },
        { "cut off", "store_unreadable" },
        { "foreign", "store_unreadable" },
        { "schema damaged", "store_unreadable" },
        { "no version", "store_unreadable" },
        { "newer", "store_newer_than_program" },
        { "newer in its log", "store_newer_than_program" },
        { "migration changed", "store_migration_changed" },
        { "log without file", "store_unreadable" },
        { "symbolic link", "store_symlink" },
        { "symbolic link as folder", "store_symlink" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task A_file_that_cannot_be_used_is_refused_and_left_as_it_is(string damage, string code)
    {
        await using var home = new TenantFileHome();
        await home.TouchAsync(_tenant);
        await CloseAllAsync(home);
        Damage(damage, home);
        var before = Snapshot(home.Folder);

        await using (var files = FilesOf(home))
        {
            for (var i = 0; i < 2; i++)
            {
                var refused = await Assert.ThrowsAsync<FaultException>(() => files.LeaseAsync(_tenant, Ct).AsTask());
                Assert.Equal((code, FaultKind.Unavailable), (refused.Fault.Code, refused.Fault.Kind));
                Assert.DoesNotContain(home.Folder, refused.Fault.Message, StringComparison.Ordinal);
            }

            // Next door works.
            using var other = await files.LeaseAsync(new Id<Tenant>(_tenant.Value ^ 1), Ct);
            Assert.Equal(0, await other.File.ReadAsync(static link => link.Number("select count(*) from sessions"), Ct));
        }

        var after = Snapshot(home.Folder).Where(file => before.ContainsKey(file.Key)).ToDictionary();
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task A_draft_that_a_crash_left_behind_is_made_anew()
    {
        await using var home = new TenantFileHome();
        home.DataFolder.EnsureTenantFolder(_tenant);
        await File.WriteAllTextAsync(home.PathOf(_tenant) + ".new", "half a file", Ct);
        await home.TouchAsync(_tenant);
        Assert.False(File.Exists(home.PathOf(_tenant) + ".new"));
    }

    [Fact]
    public async Task An_older_file_is_brought_up_to_date_and_keeps_its_rows()
    {
        await using var home = new TenantFileHome();
        home.DataFolder.EnsureTenantFolder(_tenant);
        var next = Later("later_note", "alter table environments add column note text;");
        await using (var old = SqliteFile.Open(home.PathOf(_tenant), Schema.Tenant, home.Threads, home.Time))
        {
            await old.WriteAsync(static link => link.Run("insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at) values ('t', 'e', 'kept', '{}', '{}', 0, 0)"), Ct);
        }

        await using (var current = SqliteFile.Open(home.PathOf(_tenant), next, home.Threads, home.Time))
        {
            Assert.Equal("kept", await current.ReadAsync(static link => link.First("select name || coalesce(note, '') from environments", static row => row.GetString(0)), Ct));
        }

        var refused = Assert.Throws<FaultException>(() => SqliteFile.Open(home.PathOf(_tenant), Schema.Tenant, home.Threads, home.Time));
        Assert.Equal("store_newer_than_program", refused.Fault.Code);
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_the_file_at_its_old_version()
    {
        await using var home = new TenantFileHome();
        home.DataFolder.EnsureTenantFolder(_tenant);
        await using (SqliteFile.Open(home.PathOf(_tenant), Schema.Tenant, home.Threads, home.Time))
        {
        }

        var broken = Later("later_broken", "alter table environments add column note text; insert into no_such_table values (1);");
        Assert.ThrowsAny<Exception>(() => SqliteFile.Open(home.PathOf(_tenant), broken, home.Threads, home.Time));
        await using var again = SqliteFile.Open(home.PathOf(_tenant), Schema.Tenant, home.Threads, home.Time);
        Assert.Equal(0, await again.ReadAsync(static link => link.Number("select count(*) from pragma_table_info('environments') where name = 'note'"), Ct));
    }

    /// <summary>The tenants' schema as a later program would have it, with one step more.</summary>
    private static Schema Later(string name, string sql) =>
        Schema.Tenant with { Migrations = [.. Schema.Tenant.Migrations, new(Schema.Tenant.Version + 1, name, sql)] };

    private static TenantFiles FilesOf(TenantFileHome home) =>
        new(home.DataFolder, home.Threads, new StorageOptions { DataFolder = home.Folder }, home.Time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

    private static async Task CloseAllAsync(TenantFileHome home) => await home.Files.DisposeAsync();

    private void Damage(string damage, TenantFileHome home)
    {
        var path = home.PathOf(_tenant);
        switch (damage)
        {
            case "empty":
                File.WriteAllBytes(path, []);
                break;
            case "short":
                File.WriteAllBytes(path, File.ReadAllBytes(path)[..60]);
                break;
            case "text":
                File.WriteAllText(path, new string('x', 5000));
                break;
            case "cut off":
                File.WriteAllBytes(path, File.ReadAllBytes(path)[..^4096]);
                break;
            case "foreign":
                Patch(path, 68, 1);
                break;
            case "schema damaged":
                Patch(path, 100, 0xff);
                break;
            case "no version":
                Patch(path, 63, 0);
                break;
            case "newer":
                Patch(path, 63, 99);
                break;
            case "newer in its log":
                Look(path, "pragma user_version = 99", keepLog: true);
                break;
            case "migration changed":
                Look(path, "update schema_migrations set checksum = 'other'", keepLog: false);
                break;
            case "log without file":
                Look(path, "create table more (x)", keepLog: true);
                File.Delete(path);
                break;
            case "symbolic link":
                File.Move(path, path + ".elsewhere");
                File.CreateSymbolicLink(path, path + ".elsewhere");
                break;
            case "symbolic link as folder":
                var folder = Path.GetDirectoryName(path)!;
                Directory.Move(folder, folder + ".elsewhere");
                Directory.CreateSymbolicLink(folder, folder + ".elsewhere");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(damage), damage, "unknown");
        }
    }

    private static void Patch(string path, int at, byte value)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] = value;
        File.WriteAllBytes(path, bytes);
    }

    private static void Look(string path, string sql, bool keepLog)
    {
        using var link = SqliteLink.Open(path);
        link.KeepLogOnClose(keepLog);
        link.Script(sql);
    }

    private static Dictionary<string, string> Snapshot(string folder) => Directory
        .GetFiles(folder, "*", SearchOption.AllDirectories)
        .Where(static file => !file.EndsWith("insula.lock", StringComparison.Ordinal) && !file.EndsWith("-shm", StringComparison.Ordinal))
        .ToDictionary(static file => file, static file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
}
