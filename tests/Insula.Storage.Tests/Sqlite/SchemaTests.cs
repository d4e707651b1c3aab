using System.Reflection;
using System.Text.RegularExpressions;
using Insula.Storage.Engine;
using Insula.Storage.Sqlite;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

public sealed partial class SchemaTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Control")]
    [InlineData("Tenant")]
    public async Task Applying_the_migrations_gives_the_schema_that_is_checked_in(string name)
    {
        await using var made = Make(name == "Control" ? Schema.Control : Schema.Tenant);
        var statements = await made.File.ReadAsync(
            static link => link.All("select sql from sqlite_schema where sql is not null order by type desc, name", static row => row.GetString(0) + ";\n"),
            Ct);
        var path = $"src/Insula.Storage/Migrations/Sqlite/{name}/schema.sql";
        var dump = $"-- What the migrations of this folder make, taken from an empty file. Written by SchemaTests; not run by anything.\n\n{string.Join('\n', statements)}";
        var difference = GeneratedFile.Difference(path, dump);
        Assert.True(difference is null, difference);
    }

    [Fact]
    public async Task Every_key_of_a_tenants_table_begins_with_the_tenant()
    {
        await using var made = Make(Schema.Tenant);
        var tables = await made.File.ReadAsync(static link => link.All("select name from sqlite_schema where type = 'table' and name not in ('schema_migrations', 'sqlite_sequence')", static row => row.GetString(0)), Ct);
        Assert.True(tables.Count >= 9);

        // Primary keys, unique constraints and indexes are all indexes here; 'pk' 1 is a key that is the rowid itself.
        var wrong = await made.File.ReadAsync(
            static link => link.All(
                """
                select t.name || ': index ' || i.name || ' begins with ' || c.name from sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
                where t.type = 'table' and t.name <> 'schema_migrations' and c.seqno = 0 and c.name <> 'tenant_id'
                union all
                select t.name || ': has no primary key of two columns or more' from sqlite_schema t
                where t.type = 'table' and t.name <> 'schema_migrations' and (select count(*) from pragma_table_info(t.name) p where p.pk > 0) < 2
                union all
                select t.name || ': the reference to ' || f."table" || ' begins with ' || f."from" from sqlite_schema t, pragma_foreign_key_list(t.name) f
                where t.type = 'table' and f.seq = 0 and (f."from" <> 'tenant_id' or f."to" <> 'tenant_id')
                """,
                static row => row.GetString(0)),
            Ct);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void Every_statement_on_a_tenants_table_names_the_tenant()
    {
        var statements = typeof(Schema).Assembly.GetTypes()
            .Where(static type => type.Namespace == "Insula.Storage.Statements")
            .SelectMany(static type => type.GetFields(BindingFlags.Public | BindingFlags.Static), static (type, field) => (Name: $"{type.Name}.{field.Name}", Sql: (string)field.GetRawConstantValue()!))
            .Where(static statement => TenantTable().IsMatch(statement.Sql))
            .ToList();
        Assert.True(statements.Count >= 35);
        var wrong = statements.Where(static statement => TenantTable().Count(statement.Sql) > TenantBound().Count(statement.Sql)).Select(static statement => statement.Name);
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task A_control_store_of_before_placements_keeps_its_tenants_on_the_main_server()
    {
        var folder = Directory.CreateTempSubdirectory("insula-schema-").FullName;
        var path = Path.Combine(folder, "control.db");
        using (var threads = new DiskThreads(1))
        {
            await using (var old = SqliteFile.Open(path, Schema.Control with { Migrations = [Schema.Control.Migrations[0]] }, threads, TimeProvider.System))
            {
                await old.WriteAsync(
                    static link => link.Run("insert into tenants values ('tnt_1', 'a', 'A', null, 'free', 'file', 'active', '{}', 1, 1, null, null); insert into plans values ('gold', 'd', '{}', '[]')"),
                    Ct);
            }

            await using var now = SqliteFile.Open(path, Schema.Control, threads, TimeProvider.System);
            Assert.Equal("file main active", await now.ReadAsync(static link => link.First("select placement || ' ' || server || ' ' || status from tenants", static row => row.GetString(0)), Ct));
            Assert.Equal(1, await now.ReadAsync(static link => link.Number("select count(*) from plans where placement is null"), Ct));
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Migrations_are_numbered_and_their_checksums_depend_on_their_text()
    {
        Assert.All([Schema.Control, Schema.Tenant], static schema => Assert.Equal(Enumerable.Range(1, schema.Version), schema.Migrations.Select(static m => m.Version)));
        Assert.NotEqual(new Migration(1, "a", "select 1").Checksum, new Migration(1, "a", "select 2").Checksum);
    }

    private static Made Make(Schema schema)
    {
        var folder = Directory.CreateTempSubdirectory("insula-schema-").FullName;
        var threads = new DiskThreads(1);
        return new(folder, threads, SqliteFile.Open(Path.Combine(folder, "made.db"), schema, threads, TimeProvider.System));
    }

    /// <summary>A place where a statement reads or changes rows of a tenant.</summary>
    [GeneratedRegex(@"\b(from|into|update)\s+(agents|agent_versions|environments|sessions|events|runs|usage_outbox|knowledge_sources|knowledge_passages|heads)\b", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex TenantTable();

    /// <summary>A place where a statement is bound to one tenant.</summary>
    [GeneratedRegex(@"tenant_id = @tenant_id|(values\s+\(|select )@tenant_id", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex TenantBound();

    private sealed record Made(string Folder, DiskThreads Threads, SqliteFile File) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await File.DisposeAsync();
            Threads.Dispose();
            Directory.Delete(Folder, recursive: true);
        }
    }
}
