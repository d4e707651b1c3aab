using System.Text;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// The walls below the statements: every table of a schema gets row-level security, forced, with one policy, by what
/// columns it has, so that a new table cannot be forgotten. A connection that says nothing sees nothing.
/// </summary>
internal static class PgWalls
{
    public const string Policy = "tenant_isolation";

    // An empty setting is what an ended transaction leaves behind, and stands for no tenant.
    private const string Tenant = "nullif(current_setting('insula.tenant', true), '')";

    // As a sub-select it is asked once for a statement, not for each row.
    private const string Platform = "(select current_setting('insula.platform', true)) = 'on'";

    /// <summary>Tables whose rows the program adds and never changes, so that whoever speaks as it cannot either.</summary>
    public static readonly string[] AppendOnly = ["audit"];

    private const string Tables =
        """
        select c.relname,
          exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped),
          exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'trail' and not a.attisdropped),
          c.relrowsecurity and c.relforcerowsecurity and exists (select 1 from pg_policy p where p.polrelid = c.oid and p.polname = $2)
        from pg_class c
        where c.relnamespace = quote_ident($1)::regnamespace and c.relkind in ('r', 'p')
        order by c.relname
        """;

    /// <summary>
    /// Raises the walls of a schema that was just changed, and gives <paramref name="user"/> its rights on it: rows, never
    /// tables. A table that has its wall is left alone: to raise it anew would lock the table. Whether it is the right
    /// one is asked at every start.
    /// </summary>
    public static async Task RaiseAsync(NpgsqlConnection owner, string schemaName, string user, CancellationToken ct)
    {
        var schema = PgNames.Quote(schemaName);
        var role = PgNames.Quote(user);
        var tables = await PgOwner.AllAsync(owner, Tables, static row => new Table(row.GetString(0), row.GetBoolean(1), row.GetBoolean(2), row.GetBoolean(3)), ct, schemaName, Policy);
        var text = new StringBuilder();
        foreach (var table in tables.Where(static table => !table.Walled))
        {
            var name = $"{schema}.{PgNames.Quote(table.Name)}";
            var rule = RuleOf(schemaName, table.HasTenant, table.HasTrail)
                ?? throw new InvalidOperationException($"The table {table.Name} of {schemaName} has no tenant_id: every table of a tenant's store begins with it.");
            text.Append(
                $"""
                alter table {name} enable row level security;
                alter table {name} force row level security;
                drop policy if exists {Policy} on {name};
                create policy {Policy} on {name} using ({rule}) with check ({rule});

                """);
        }

        text.Append(
            $"""
            grant usage on schema {schema} to {role};
            grant select, insert, update, delete on all tables in schema {schema} to {role};
            grant usage on all sequences in schema {schema} to {role};

            """);
        foreach (var table in tables.Where(static table => AppendOnly.Contains(table.Name, StringComparer.Ordinal)))
            text.Append($"revoke update, delete on {schema}.{PgNames.Quote(table.Name)} from {role};\n");
        await PgOwner.RunAsync(owner, text.ToString(), ct);
    }

    /// <summary>Which rows a table shows and takes; null for a table that has no place in the schema.</summary>
    public static string? RuleOf(string schemaName, bool hasTenant, bool hasTrail) => schemaName switch
    {
        PgNames.ControlSchema when hasTenant => $"tenant_id = {Tenant} or {Platform}",
        PgNames.ControlSchema when hasTrail => $"trail = {Tenant} or {Platform}",
        PgNames.ControlSchema => Platform,
        _ when hasTenant => $"tenant_id = {Tenant}",
        _ => null,
    };

    private sealed record Table(string Name, bool HasTenant, bool HasTrail, bool Walled);
}
