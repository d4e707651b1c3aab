namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>A hole that somebody might make in a wall by mistake.</summary>
/// <param name="Sql">What makes it, as a superuser.</param>
/// <param name="Open">Whether a tenant gets through it to another's rows, so that the isolation probes must see it too.</param>
internal sealed record Hole(string Name, string Sql, bool Open)
{
    private static readonly string[] CommonNames = ["no row-level security", "no FORCE", "no policy", "policy using (true)", "policy without its check", "a second policy", "may truncate", "open to all roles", "owner's view"];

    /// <summary>One of the mistakes that are made most easily, which are planted in every place; the others where they may differ.</summary>
    public bool Common => CommonNames.Contains(Name);
}

internal static class Holes
{
    private const string Policy = "tenant_isolation";

    /// <summary>Holes around one table.</summary>
    public static IEnumerable<Hole> Of(Place place, Relation table, IReadOnlyList<Relation> all)
    {
        var (name, user) = (table.Name, place.User);
        yield return new("no row-level security", $"alter table {name} disable row level security", Open: true);
        yield return new("no FORCE", $"alter table {name} no force row level security", Open: false);
        yield return new("no policy", $"drop policy {Policy} on {name}", Open: false);
        yield return new("policy using (true)", $"alter policy {Policy} on {name} using (true)", Open: true);
        yield return new("policy with check (true)", $"alter policy {Policy} on {name} with check (true)", Open: true);
        yield return new("policy without its check", Again(table, check: false), Open: false);
        if (table.Key is not null) yield return new("policy that takes the empty setting", Again(table, change: @"regexp_replace(rule, 'NULLIF\((current_setting\([^)]*\)), ''''::text\)', '\1')"), Open: false);
        yield return new("policy for reading only", Again(table, "for select", check: false), Open: false);
        yield return new("policy for one role", Again(table, $"for all to {user}"), Open: false);
        yield return new("restrictive policy", Again(table, "as restrictive"), Open: false);
        yield return new("a second policy", $"create policy stray on {name} using (true)", Open: true);
        yield return new("a second policy to read", $"create policy stray on {name} for select to {user} using (true)", Open: true);
        yield return new("a second policy to write", $"create policy stray on {name} for insert with check (true)", Open: true);
        yield return new("may truncate", $"grant truncate on {name} to {user}", Open: true);
        yield return new("may refer", $"grant references on {name} to {user}", Open: false);
        yield return new("may refer to a column", $"grant references ({table.Columns[0].Name}) on {name} to {user}", Open: false);
        yield return new("may put triggers", $"grant trigger on {name} to {user}", Open: false);
        yield return new("may give rights away", $"grant select on {name} to {user} with grant option", Open: false);
        yield return new("open to all roles", $"grant select on {name} to public", Open: false);
        yield return new("owned by its user", $"alter table {name} owner to {user}", Open: true);
        yield return new("owner's view", $"create view {name}_view as select * from {name}; grant select on {name}_view to {user}", Open: true);
        yield return new("materialized view", $"create materialized view {name}_copy as select * from {name}; grant select on {name}_copy to {user}", Open: true);
        yield return new("owner's view elsewhere", $"create view public.stray as select * from {name}; grant usage on schema public to public; grant select on public.stray to public", Open: false);
        yield return new("copy elsewhere", $"create schema stray; create table stray.copy as select * from {name}; grant usage on schema stray to {place.RuntimeRole}; grant select ({table.Columns[0].Name}) on stray.copy to {place.RuntimeRole}", Open: false);
        yield return new("owner's function", $"create function public.stray() returns setof {name} language sql security definer set search_path = pg_catalog, pg_temp as 'select * from {name}'", Open: false);
        yield return new("partition", $"create table {name}_part () inherits ({name}); insert into {name}_part select * from {name}; grant select, insert, update, delete on {name}_part to {user}", Open: true);
        foreach (var hole in OfKeys(table, all)) yield return hole;
    }

    /// <summary>Holes of the role and of the database.</summary>
    public static IEnumerable<Hole> Of(Place place, string owner)
    {
        var (role, database) = (place.RuntimeRole, new Npgsql.NpgsqlConnectionStringBuilder(place.Superuser).Database);
        foreach (var attribute in (string[])["superuser", "bypassrls"]) yield return new(attribute, $"alter role {role} {attribute}", Open: true);
        foreach (var attribute in (string[])["createdb", "createrole", "replication", "inherit"]) yield return new(attribute, $"alter role {role} {attribute}", Open: false);
        yield return new("member of the owner", $"grant {owner} to {role}", Open: false);
        yield return new("member of a role that reads all", $"grant pg_read_all_data to {role}", Open: false);
        yield return new("owns a schema", $"create schema stray authorization {role}", Open: false);
        yield return new("owns the database", $"alter database {database} owner to {role}", Open: false);
        yield return new("owns a function", $"create function public.stray() returns int language sql as 'select 1'; alter function public.stray() owner to {role}", Open: false);
        yield return new("may make schemas", $"grant create on database {database} to {role}", Open: false);
        yield return new("may make temporary tables", $"grant temporary on database {database} to public", Open: false);
        yield return new("may make tables", "grant create on schema public to public", Open: false);
        yield return new("reads the owner's secrets", $"grant usage on schema insula_owner to {role}; grant select on insula_owner.secrets to {role}", Open: false);
        yield return new("begins as a tenant", $"alter role {role} set insula.tenant = 'tnt_1'", Open: false);
        yield return new("begins as the platform", $"alter database {database} set insula.platform = 'on'", Open: false);
        yield return new("begins as the platform there", $"alter role {role} in database {database} set insula.platform = 'on'", Open: false);
        yield return new("begins as another role", $"alter role {role} set role = '{place.User}'", Open: false);
        yield return new("begins without row security", $"alter role {role} set row_security = off", Open: false);
        yield return new("large object", "select lo_from_bytea(4711, 'tenant data')", Open: false);
        yield return new("function with loose names", $"create function public.stray() returns bigint language sql security definer as 'select 1::bigint'; alter function public.stray() owner to {owner}", Open: false);
    }

    /// <summary>Holes of a schema that has a role of its own.</summary>
    public static IEnumerable<Hole> OfRole(Place place, string owner)
    {
        foreach (var attribute in (string[])["superuser", "bypassrls"]) yield return new($"tenant's role {attribute}", $"alter role {place.Role} {attribute}", Open: true);
        foreach (var attribute in (string[])["createdb", "createrole", "replication", "login"]) yield return new($"tenant's role {attribute}", $"alter role {place.Role} {attribute}", Open: false);
        yield return new("tenant's role is a member of the owner", $"grant {owner} to {place.Role}", Open: false);
        yield return new("tenant's role may be given away", $"grant {place.Role} to {place.RuntimeRole} with admin option", Open: false);
        yield return new("schema open to the program between units", $"grant usage on schema {place.Schema} to {place.RuntimeRole}", Open: false);
        yield return new("schema open to all", $"grant usage on schema {place.Schema} to public", Open: false);
        yield return new("tenant's role may make tables", $"grant create on schema {place.Schema} to {place.Role}", Open: false);
    }

    private static IEnumerable<Hole> OfKeys(Relation table, IReadOnlyList<Relation> all)
    {
        if (table.Key is null) yield break;
        var name = table.Name;
        if (table.Columns.FirstOrDefault(column => column.Type == "text" && column.NotNull && column.Name != table.Key && !table.Uniques.Any(unique => unique.Count == 1 && unique[0] == column.Name)) is { } text)
        {
            yield return new($"unique over {text.Name} alone", $"create unique index on {name} ({text.Name})", Open: true);
            yield return new($"unique over {text.Name} before the tenant", $"alter table {name} add constraint stray unique ({text.Name}, {table.Key})", Open: false);
            yield return new("unique over an expression", $"create unique index on {name} (upper({text.Name}))", Open: false);
        }

        foreach (var reference in table.References.Where(reference => reference.Columns.Length == 2))
        {
            var target = all.Single(other => other.Plain == reference.Target);
            yield return new(
                $"reference {reference.Name} without the tenant",
                $"""
                alter table {target.Name} add constraint stray_target unique ({reference.TargetColumns[1]});
                alter table {name} drop constraint {reference.Name};
                alter table {name} add constraint stray foreign key ({reference.Columns[1]}) references {target.Name} ({reference.TargetColumns[1]}) on delete cascade;
                """,
                Open: true);
        }

        if (table.Columns.Single(column => column.Name == table.Key).NotNull)
        {
            yield return new("rows of nobody", $"do $$ begin execute (select format('alter table {name} drop constraint %I cascade', conname) from pg_constraint where conrelid = '{name}'::regclass and contype = 'p'); end $$; alter table {name} alter column {table.Key} drop not null", Open: false);
        }
    }

    /// <summary>The policy of a table made anew in another way.</summary>
    private static string Again(Relation table, string head = "", bool check = true, string change = "rule") =>
        $"""
        do $$ declare rule text; begin
          select pg_get_expr(polqual, polrelid) into rule from pg_policy where polrelid = '{table.Name}'::regclass;
          rule := {change};
          drop policy {Policy} on {table.Name};
          execute 'create policy {Policy} on {table.Name} {head} using (' || rule || '){(check ? " with check (' || rule || ')" : "")}';
        end $$
        """;
}
