using Insula.Storage;
using Insula.Storage.Postgres;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Access;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Server.Tests.Commands;

public sealed class MigrateCommandTests(SharedPostgres postgres) : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_plan_shows_the_steps_and_a_run_applies_them()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        await MakeFirstVersionAsync(database);
        var shell = new Shell(_folder.Path) { Variables = new Dictionary<string, string> { ["INSULA_DATABASE"] = database.OwnerUri } };

        var plan = (await shell.RunAsync(Ct, "migrate", "--plan")).Ok();
        Assert.Contains("SERVER", plan.Out, StringComparison.Ordinal);
        Assert.Matches(@"main +control +0002_run_leases +expand +1 of 1", plan.Out);
        Assert.Contains("Nothing was changed.", plan.Out, StringComparison.Ordinal);

        var run = (await shell.RunAsync(Ct, "migrate")).Ok();
        Assert.Contains("control store on main: 0002_run_leases", run.Error, StringComparison.Ordinal);
        Assert.Matches(@"^\d+ steps? applied to control and shared stores; 0 tenants migrated\.", run.Out);

        Assert.Equal("Everything is up to date.", (await shell.RunAsync(Ct, "migrate", "--plan")).Ok().Out.Trim());
        Assert.Equal("Everything is up to date.", (await shell.RunAsync(Ct, "migrate")).Ok().Out.Trim());
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "data")));
    }

    [Fact]
    public async Task For_programs_it_prints_one_object_and_nothing_of_the_connection()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        var shell = new Shell(_folder.Path);

        var plan = (await shell.RunAsync(Ct, "migrate", "--plan", "--database", database.OwnerConnectionString, "-o", "json")).Ok();
        Assert.False(plan.Json.GetProperty("up_to_date").GetBoolean());
        Assert.Equal(0, plan.Json.GetProperty("tenants_behind").GetInt64());
        var store = plan.Json.GetProperty("stores")[0];
        Assert.Equal(("main", "control", 1), (store.GetProperty("server").GetString(), store.GetProperty("store").GetString(), store.GetProperty("behind").GetInt32()));
        Assert.Equal("expand", store.GetProperty("steps")[0].GetProperty("phase").GetString());

        var run = (await shell.RunAsync(Ct, "migrate", "--database", database.OwnerConnectionString, "-o", "json")).Ok();
        Assert.Equal("0001_control_store", run.Json.GetProperty("steps")[0].GetProperty("name").GetString());
        Assert.Equal("up_to_date: true", (await shell.RunAsync(Ct, "migrate", "--plan", "--database", database.OwnerConnectionString, "-o", "yaml")).Ok().Out.Split('\n')[0]);

        var password = new Npgsql.NpgsqlConnectionStringBuilder(database.OwnerConnectionString).Password!;
        Assert.DoesNotContain(password, plan.Out + plan.Error + run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_newer_store_is_refused_with_what_to_do()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        await MakeAsync(database, PgSchemas.Shipped);
        await using (var owner = new Npgsql.NpgsqlConnection(database.OwnerConnectionString))
        {
            await owner.OpenAsync(Ct);
            await PgOwner.RunAsync(owner, "insert into insula_owner.migrations values ('insula_tenants', 999, '0999_later', 'contract', 'x')", Ct);
        }

        var shell = new Shell(_folder.Path) { Variables = new Dictionary<string, string> { ["INSULA_DATABASE"] = database.OwnerConnectionString } };
        var plan = await shell.RunAsync(Ct, "migrate", "--plan");
        Assert.Equal(1, plan.ExitCode);
        Assert.Contains("The shared store on main cannot be migrated by this program", plan.Out, StringComparison.Ordinal);

        var run = await shell.RunAsync(Ct, "migrate");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Run the newer program.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_unreachable_and_a_wrong_setting_is_a_wrong_line()
    {
        var shell = new Shell(_folder.Path);

        var away = await shell.RunAsync(Ct, "migrate", "--plan", "--database", "Host=127.0.0.1;Port=9;Username=u;Password=hush;Database=insula");
        Assert.Equal(6, away.ExitCode);
        Assert.DoesNotContain("hush", away.Error, StringComparison.Ordinal);

        var wrong = await shell.RunAsync(Ct, "migrate", "--database", "Host=127.0.0.1;Username=u;Password=hush;Database=insula;Multiplexing=true");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("Multiplexing", wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", wrong.Error, StringComparison.Ordinal);

        Assert.Equal(2, (await (shell with { Variables = new Dictionary<string, string> { ["INSULA_DATABSE"] = "x" } }).RunAsync(Ct, "migrate")).ExitCode);
    }

    [Fact]
    public async Task The_embedded_store_is_planned_and_migrated_in_its_folder_and_not_beside_a_server()
    {
        var data = Path.Combine(_folder.Path, "data");
        using (var folder = DataFolder.Open(data))
        using (var threads = new DiskThreads(1))
        {
            await SqliteFile.Open(folder.ControlFile, Schema.Control with { Migrations = [Schema.Control.Migrations[0]] }, threads, TimeProvider.System).DisposeAsync();
        }

        var shell = new Shell(_folder.Path);
        Assert.Matches(@"main +control +0002_placement +1 of 1", (await shell.RunAsync(Ct, "migrate", "--plan")).Ok().Out);
        using (DataFolder.Open(data))
        {
            var refused = await shell.RunAsync(Ct, "migrate");
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("in use by another Insula server", refused.Error, StringComparison.Ordinal);
        }

        Assert.Contains("control store on main: 0002_placement", (await shell.RunAsync(Ct, "migrate", "--data", "data")).Ok().Error, StringComparison.Ordinal);
        Assert.True((await shell.RunAsync(Ct, "migrate", "--plan", "-o", "json")).Ok().Json.GetProperty("up_to_date").GetBoolean());
    }

    [Fact]
    public async Task On_a_terminal_it_shows_how_far_it_is_and_leaves_no_trace_of_it_in_the_result()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        var shell = new Shell(_folder.Path) { IsTerminal = true };

        var run = (await shell.RunAsync(Ct, "migrate", "--database", database.OwnerConnectionString)).Ok();

        Assert.Contains("steps applied to control and shared stores", run.Out, StringComparison.Ordinal);
        Assert.Contains("\u001b[", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", run.Out, StringComparison.Ordinal);
    }

    private static Task MakeFirstVersionAsync(TestDatabase database) => MakeAsync(
        database,
        new PgSchemas(PgSchema.Control with { Migrations = [PgSchema.Control.Migrations[0]] }, PgSchema.Tenant with { Migrations = [PgSchema.Tenant.Migrations[0]] }));

    private static async Task MakeAsync(TestDatabase database, PgSchemas schemas)
    {
        await using var storage = new PostgresStorage(new PostgresOptions { Main = new Secret(database.OwnerConnectionString), Schemas = schemas }, TimeProvider.System, NullLogger<PostgresStorage>.Instance);
        await storage.OpenAsync(Ct);
    }
}
