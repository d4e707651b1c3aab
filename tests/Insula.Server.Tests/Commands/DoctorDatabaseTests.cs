using Insula.Storage;
using Insula.Storage.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Insula.Server.Tests.Commands;

public sealed class DoctorDatabaseTests(SharedPostgres postgres) : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_empty_database_is_fit_and_stays_empty()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);

        var answer = (await DoctorAsync(database)).Ok();
        Assert.Matches(@"ok +database +main: answers; PostgreSQL 1[5-9]\.", answer.Out);
        Assert.Contains("not made yet; the first 'insula up' makes them", answer.Out, StringComparison.Ordinal);
        // The tests' server does not wait for the disk.
        Assert.Matches("warn +durability +main: fsync is off", answer.Out);
        Assert.DoesNotContain("control store", answer.Out, StringComparison.Ordinal);
        Assert.Equal(0L, await AskAsync(database, $"select count(*) from pg_namespace where nspname like 'insula%'"));
        Assert.Equal(0L, await AskAsync(database, $"select count(*) from pg_roles where rolname = '{database.Database}_runtime'"));
    }

    [Fact]
    public async Task A_hole_in_any_tenants_place_is_named_with_its_mend()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        var (schema, own) = await MakeAsync(database);
        Assert.Matches("ok +walls +main: stand: role '.*_runtime', 1 tenants' schemas and 1 tenants' databases looked into", (await DoctorAsync(database)).Ok().Out);

        await AskAsync(database, $"alter table {schema}.events disable row level security");
        await AskAsync(database, "grant truncate on insula_tenants.events to public", own);
        var answer = await DoctorAsync(database, "-o", "json");

        Assert.Equal(1, answer.ExitCode);
        var failed = answer.Json.GetProperty("checks").EnumerateArray().Where(static check => check.GetProperty("status").GetString() == "fail").Select(static check => $"{check.GetProperty("detail")} {check.GetProperty("fix")}").ToList();
        Assert.Equal(
            [
                $"main: the table {schema}.events has no row-level security alter table {schema}.events enable row level security;",
                $"main: in the database {own}: public holds TRUNCATE on insula_tenants.events revoke TRUNCATE on insula_tenants.events from public;",
            ],
            failed);
    }

    [Fact]
    public async Task A_server_that_is_away_or_refuses_is_told_without_the_password()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        var away = new NpgsqlConnectionStringBuilder(database.OwnerConnectionString) { Port = 1, Password = "canary-1" };
        var wrong = new NpgsqlConnectionStringBuilder(database.OwnerConnectionString) { Password = "canary-2" };
        foreach (var address in (NpgsqlConnectionStringBuilder[])[away, wrong])
        {
            var answer = await new Shell(_folder.Path).RunAsync(Ct, "doctor", "--database", address.ConnectionString);
            Assert.Equal(1, answer.ExitCode);
            Assert.Matches("FAIL +database +main: does not answer: ", answer.Out);
            Assert.DoesNotContain("canary", answer.Out + answer.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_owner_that_is_too_strong_or_too_weak_is_named()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        Assert.Matches("warn +owner role +main: 'postgres' is a superuser", (await new Shell(_folder.Path).RunAsync(Ct, "doctor", "--database", database.SuperuserConnectionString)).Ok().Out);

        await AskAsync(database, $"alter role {database.Owner} nocreaterole");
        var answer = await DoctorAsync(database);
        Assert.Equal(1, answer.ExitCode);
        Assert.Contains($"alter role \"{database.Owner}\" createrole;", answer.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("15.2", "CVE-2025-8713 CVE-2024-10978 CVE-2024-10976 CVE-2024-4317 CVE-2023-39418 CVE-2023-2455")]
    [InlineData("15.13", "CVE-2025-8713")]
    [InlineData("16.4", "CVE-2025-8713 CVE-2024-10978 CVE-2024-10976")]
    [InlineData("17.5", "CVE-2025-8713")]
    [InlineData("15.14", "")]
    [InlineData("17.6", "")]
    [InlineData("18.0", "")]
    public void The_holes_of_a_version_are_known(string version, string cves) =>
        Assert.Equal(cves, string.Join(' ', KnownHoles.Of(new Version(version)).Select(static hole => hole.Cve)));

    private Task<Invocation> DoctorAsync(TestDatabase database, params string[] options) =>
        new Shell(_folder.Path) { Variables = new() { ["INSULA_DATABASE"] = database.OwnerUri } }.RunAsync(Ct, ["doctor", .. options]);

    /// <summary>A store with a tenant that has a schema and one that has a database.</summary>
    private static async Task<(string Schema, string Database)> MakeAsync(TestDatabase database)
    {
        await using var storage = new PostgresStorage(new PostgresOptions { Main = new Secret(database.OwnerConnectionString) }, TimeProvider.System, NullLogger<PostgresStorage>.Instance);
        await storage.OpenAsync(Ct);
        var places = new PlaceTenants(storage);
        var (one, other) = (Id<Tenant>.New(), Id<Tenant>.New());
        var main = storage.ServerOf(PlacementOptions.MainServer);
        await places.EnsureAsync(main, one, Placement.Schema, Ct);
        await places.EnsureAsync(main, other, Placement.Database, Ct);
        return (PgNames.SchemaOf(one), PgNames.DatabaseOf(database.Database, other));
    }

    private static async Task<object?> AskAsync(TestDatabase database, string sql, string? name = null)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.SuperuserConnectionString) { Database = name ?? database.Database, Pooling = false }.ConnectionString);
        await connection.OpenAsync(Ct);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct);
    }
}
