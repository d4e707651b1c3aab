using Insula.Storage.Postgres;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresSchemaTests(SharedPostgres shared)
{
    [Theory]
    [InlineData("Control", "insula_control")]
    [InlineData("Tenant", "insula_tenants")]
    public async Task Applying_the_migrations_gives_the_schema_that_is_checked_in(string name, string schema)
    {
        await using var home = await new PostgresHome(shared).OpenAsync();
        await using var outside = await Outside.OpenAsync(home.Database);

        var dump = $"-- What the migrations of this folder make, and the walls around it, taken from an empty database. Written by PostgresSchemaTests; not run by anything.\n\n{await DumpAsync(home, outside, schema)}";

        var difference = GeneratedFile.Difference($"src/Insula.Storage/Migrations/Postgres/{name}/schema.sql", dump);
        Assert.True(difference is null, difference);
    }

    [Fact]
    public async Task A_tenants_own_schema_and_own_database_have_what_the_shared_schema_has()
    {
        await using var home = await new PostgresHome(shared).OpenAsync();
        await using var outside = await Outside.OpenAsync(home.Database);
        var shares = await DumpAsync(home, outside, PgNames.TenantsSchema);

        var ownSchema = PgNames.SchemaOf((await home.AddTenantAsync(Placement.Schema)).Id);
        Assert.Equal(shares, await DumpAsync(home, outside, ownSchema));

        var ownDatabase = PgNames.DatabaseOf(home.Database.Database, (await home.AddTenantAsync(Placement.Database)).Id);
        await using var inside = await Outside.OpenAsync(home.Database, ownDatabase);
        Assert.Equal(shares, await DumpAsync(home, inside, PgNames.TenantsSchema));
    }

    [Fact]
    public async Task A_schema_that_migrated_step_by_step_is_the_one_that_is_made_from_empty()
    {
        await using var home = await new PostgresHome(shared) { Change = static options => options with { Schemas = new(First(PgSchema.Control), First(PgSchema.Tenant)) } }.OpenAsync();
        await home.CloseAsync();
        await using var later = await new PostgresHome(shared) { On = home.Database }.OpenAsync();
        await using var fresh = await new PostgresHome(shared).OpenAsync();

        foreach (var schema in (string[])[PgNames.ControlSchema, PgNames.TenantsSchema])
        {
            await using var outside = await Outside.OpenAsync(home.Database);
            await using var beside = await Outside.OpenAsync(fresh.Database);
            Assert.Equal(await DumpAsync(fresh, beside, schema), await DumpAsync(later, outside, schema));
        }
    }

    private static PgSchema First(PgSchema schema) => schema with { Migrations = [schema.Migrations[0]] };

    private static Task<string> DumpAsync(PostgresHome home, Outside outside, string schema) => new CatalogDump(outside, schema).WriteAsync(
    [
        (home.Database.Owner, "<owner>"),
        (PgNames.RuntimeRoleOf(home.Database.Database), "<user>"),
        (schema, "<user>"),
    ]);
}
