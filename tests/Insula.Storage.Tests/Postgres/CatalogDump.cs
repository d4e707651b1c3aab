using System.Text;

namespace Insula.Storage.Tests.Postgres;

/// <summary>
/// A schema as the server's catalog has it, written out as a text that two servers give alike: what is in it, who may do
/// what with it, and which rows anybody sees. Roles and the schema's own name are called what they are for.
/// </summary>
internal sealed class CatalogDump(Outside outside, string schema)
{
    private const string Relation = "c.relnamespace = current_schema()::regnamespace";

    /// <summary>Rights that somebody other than the owner holds, as the catalog keeps them.</summary>
    private const string Rights =
        """
        (select string_agg(format(e'grant %s on %s to %s;\n', r.rights, {1}, r.grantee), '' order by r.grantee) from (
           select string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end, ', ' order by a.privilege_type) as rights,
             case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as grantee
           from aclexplode({0}) a where a.grantee <> {2} group by a.grantee) r)
        """;

    private static readonly string Schema =
        $"""
        select format(e'create schema %I authorization %s;\n', nspname, nspowner::regrole) || coalesce({RightsOn("nspacl", "'schema ' || quote_ident(nspname)", "nspowner")}, '')
        from pg_namespace where nspname = current_schema()
        """;

    private static readonly string Sequences =
        $"""
        select format(e'create sequence %I as %s start %s increment %s minvalue %s maxvalue %s cache %s%s;\n', c.relname, format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then ' cycle' else '' end)
          || coalesce({RightsOn("c.relacl", "'sequence ' || quote_ident(c.relname)", "c.relowner")}, '')
        from pg_class c join pg_sequence s on s.seqrelid = c.oid where {Relation} order by c.relname collate "C"
        """;

    private static readonly string Tables =
        $"""
        select format(e'create table %I (\n%s\n);\n', c.relname, concat_ws(e',\n',
            (select string_agg(format('  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(l.collname) else '' end,
                case when d.oid is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end,
                case when a.attnotnull then ' not null' else '' end), e',\n' order by a.attnum)
             from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation l on l.oid = a.attcollation left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
            (select string_agg(format('  constraint %I %s', conname, pg_get_constraintdef(oid)), e',\n' order by contype = 'p' desc, conname)
             from pg_constraint where conrelid = c.oid and contype in ('p', 'u', 'f', 'c', 'x'))))
          || coalesce((select string_agg(pg_get_indexdef(i.indexrelid) || e';\n', '' order by i.indexrelid::regclass::text) from pg_index i
               where i.indrelid = c.oid and not exists (select 1 from pg_constraint where conindid = i.indexrelid and contype in ('p', 'u', 'x'))), '')
          || case when c.relrowsecurity then format(e'alter table %I enable row level security;\n', c.relname) else '' end
          || case when c.relforcerowsecurity then format(e'alter table %I force row level security;\n', c.relname) else '' end
          || coalesce((select string_agg(format(e'create policy %I on %I as %s for %s to %s\n  using (%s)\n  with check (%s);\n', policyname, tablename, lower(permissive), lower(cmd), array_to_string(roles, ', '), qual, with_check), '' order by policyname)
               from pg_policies where schemaname = current_schema() and tablename = c.relname), '')
          || coalesce({RightsOn("c.relacl", "quote_ident(c.relname)", "c.relowner")}, '')
          || case when c.relkind <> 'r' or c.relpersistence <> 'p' then format(e'-- of the kind %s %s\n', c.relkind, c.relpersistence) else '' end
        from pg_class c where {Relation} and c.relkind in ('r', 'p') order by c.relname collate "C"
        """;

    /// <summary>What no migration makes today. If one does, it shows here, and the dump learns to write it out.</summary>
    private const string Others =
        $"""
        select line from (
          select format('-- relation %s %s', c.relkind, c.relname) from pg_class c where {Relation} and c.relkind not in ('r', 'p', 'i', 'I', 'S', 't')
          union all select format('-- function %s', oid::regprocedure) from pg_proc where pronamespace = current_schema()::regnamespace
          union all select format('-- trigger %s on %s', t.tgname, c.relname) from pg_trigger t join pg_class c on c.oid = t.tgrelid where {Relation} and not t.tgisinternal
          union all select format('-- rule %s on %s', r.rulename, c.relname) from pg_rewrite r join pg_class c on c.oid = r.ev_class where {Relation}
          union all select format('-- type %s', t.typname) from pg_type t where t.typnamespace = current_schema()::regnamespace and t.typrelid = 0 and t.typelem = 0
          union all select format('-- rights on the column %s.%s: %s', c.relname, a.attname, a.attacl) from pg_attribute a join pg_class c on c.oid = a.attrelid where {Relation} and a.attacl is not null
          union all select format('-- default rights %s', defaclacl) from pg_default_acl where defaclnamespace = current_schema()::regnamespace
        ) others (line) order by line collate "C"
        """;

    /// <param name="roles">Roles by name, and what the text calls them.</param>
    public async Task<string> WriteAsync(IEnumerable<(string Role, string Called)> roles)
    {
        await outside.RunAsync($"set search_path = \"{schema}\"");
        var text = new StringBuilder();
        foreach (var query in (string[])[Schema, Sequences, Tables, Others])
        {
            foreach (var part in await outside.ColumnAsync(query)) text.Append(part).Append('\n');
        }

        text.Replace($"{schema}.", "");
        foreach (var (role, called) in roles) text.Replace($" to {role};", $" to {called};").Replace($" authorization {role};", $" authorization {called};");
        return text.Replace($"schema {schema} ", "schema <schema> ").ToString().TrimEnd('\n') + "\n";
    }

    private static string RightsOn(string acl, string thing, string owner) =>
        Rights.Replace("{0}", acl, StringComparison.Ordinal).Replace("{1}", thing, StringComparison.Ordinal).Replace("{2}", owner, StringComparison.Ordinal);
}
