namespace Insula.Storage.Postgres;

/// <summary>
/// What the catalog tells of the relations of some schemas ($1): each row is a hole, and the SQL that closes it. It asks
/// for every relation there is, so a new one cannot be forgotten.
/// </summary>
internal static class TableWallsSql
{
    /// <summary>Relations with the schema's user, and the column that says whose a row is: null where rows belong to the platform.</summary>
    private const string Relations =
        $"""
        with relations as (
          select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as name,
            case when n.nspname ~ '{PgNames.SchemaPattern}' then n.nspname else session_user end as username,
            case when n.nspname <> '{PgNames.ControlSchema}' or k.tenant then 'tenant_id' when k.trail then 'trail' end as key,
            k.tenant, k.trail
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace,
          lateral (select
            exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as tenant,
            exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'trail' and not a.attisdropped) as trail) k
          where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')),
        tables as (select * from relations where relkind in ('r', 'p'))
        """;

    /// <summary>
    /// Brackets, blanks, casts to text and the name of a sub-select's column are the server's way of writing a rule down,
    /// and differ between its versions. So does the case of letters.
    /// </summary>
    private const string Spelling = """'[\s()]|::text|as current_setting', '', 'gi'""";

    public const string Guards =
        $"""
        {Relations}
        select format('the table %s %s', t.name, v.what), format(v.mend, t.name)
        from tables t,
        lateral (values
          (not t.relrowsecurity, 'has no row-level security', 'alter table %s enable row level security'),
          (not t.relforcerowsecurity, 'does not hold its owner to its policy', 'alter table %s force row level security'),
          (t.key = 'tenant_id' and not t.tenant, 'does not say whose its rows are: it has no tenant_id', 'alter table %s set schema public'),
          (exists (select 1 from pg_attribute a where a.attrelid = t.oid and a.attname = t.key and not a.attnotnull), 'may hold rows of nobody', 'alter table %s alter column ' || t.key || ' set not null')) v (holds, what, mend)
        where v.holds
        union all
        select format(v.what, r.name), format(v.mend, r.name)
        from relations r,
        lateral (values
          (r.relkind = 'v' and not coalesce((select option_value::boolean from pg_options_to_table(r.reloptions) where option_name = 'security_invoker'), false),
            'the view %s shows what its owner sees', 'alter view %s set (security_invoker = true)'),
          (r.relkind = 'm', 'the materialized view %s keeps rows without their walls', 'drop materialized view %s'),
          (r.relkind = 'f', 'the foreign table %s has no walls', 'drop foreign table %s')) v (holds, what, mend)
        where v.holds
        """;

    /// <summary>
    /// The one policy of each table, word for word. $2 names it; $3 to $6 are the rules, as written here, for the control
    /// store's tables with a tenant, with a trail and with neither, and for a tenant's tables.
    /// </summary>
    public const string Policies =
        $"""
        {Relations},
        ruled as (
          select t.*, case when t.nspname <> '{PgNames.ControlSchema}' then $6 when t.tenant then $3 when t.trail then $4 else $5 end as rule
          from tables t where t.tenant or t.key is distinct from 'tenant_id'),
        policies as (
          select p.*, pg_get_expr(p.polqual, p.polrelid) as uses, pg_get_expr(p.polwithcheck, p.polrelid) as checks
          from pg_policy p where p.polrelid in (select oid from tables))
        select format('the table %s does not have the policy %I as Insula makes it', t.name, $2),
          format('drop policy if exists %I on %s; create policy %I on %s using (%s) with check (%s)', $2, t.name, $2, t.name, t.rule, t.rule)
        from ruled t
        where not exists (
          select 1 from policies p
          where p.polrelid = t.oid and p.polname = $2 and p.polcmd = '*' and p.polpermissive and p.polroles = array[0::oid]
            and lower(regexp_replace(p.uses, {Spelling})) = lower(regexp_replace(t.rule, {Spelling}))
            and lower(regexp_replace(p.checks, {Spelling})) = lower(regexp_replace(t.rule, {Spelling})))
        union all
        select format('the table %s has a policy %I of somebody else', t.name, p.polname), format('drop policy %I on %s', p.polname, t.name)
        from policies p join tables t on t.oid = p.polrelid where p.polname <> $2
        """;

    /// <summary>The schema's user reads and writes rows, and neither it nor another role of the program may do more. To the tables $2 rows are only added.</summary>
    public const string Rights =
        $"""
        {Relations},
        granted as (
          select r.name, case r.relkind when 'S' then 'sequence ' else '' end as kind, r.relowner as owner, r.username, a.grantee, a.privilege_type as privilege, a.is_grantable,
            a.privilege_type = any(case when r.relkind = 'S' then array['USAGE'] when r.relname = any($2) then array['SELECT', 'INSERT'] else array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] end) as known
          from relations r, lateral aclexplode(r.relacl) a
          union all
          select r.name, '', r.relowner, r.username, a.grantee, format('%s (%I)', a.privilege_type, c.attname), a.is_grantable, false
          from relations r join pg_attribute c on c.attrelid = r.oid, lateral aclexplode(c.attacl) a
          union all
          select format('%I', n.nspname), 'schema ', n.nspowner, case when n.nspname ~ '{PgNames.SchemaPattern}' then n.nspname else session_user end, a.grantee, a.privilege_type, a.is_grantable, a.privilege_type = 'USAGE'
          from pg_namespace n, lateral aclexplode(n.nspacl) a where n.nspname = any($1))
        select format('%s holds %s on %s%s%s', w.who, g.privilege, g.kind, g.name, case when w.rightful then ' and may give it away' else '' end),
          format('revoke %s%s on %s%s from %s', case when w.rightful then 'grant option for ' else '' end, g.privilege, g.kind, g.name, w.who)
        from granted g,
        lateral (select
          case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end as who,
          g.known and g.grantee <> 0 and pg_get_userbyid(g.grantee) = g.username as rightful) w
        where g.grantee <> g.owner and (not w.rightful or g.is_grantable)
          and (g.grantee = 0 or pg_has_role(session_user, g.grantee, 'member'))
        """;

    /// <summary>
    /// A key that does not begin with the tenant tells one tenant of another's rows by what it refuses, or lets one's delete
    /// reach another's rows. $2 lists the unique ones that may, as <c>schema.table (columns)</c>.
    /// </summary>
    public const string Keys =
        $"""
        {Relations},
        indexes as (
          select t.name, t.nspname, t.key, x.relname as index, k.conname,
            (select a.attname from pg_attribute a where a.attrelid = t.oid and a.attnum = i.indkey[0]) as first,
            format('%s (%s)', t.name, (select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' order by n) from generate_series(1, i.indnkeyatts) n)) as columns
          from tables t
          join pg_index i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
          join pg_class x on x.oid = i.indexrelid
          left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
          where t.key is not null)
        select format('the foreign key %I of %s does not begin with %s on both sides', k.conname, t.name, t.key), format('alter table %s drop constraint %I', t.name, k.conname)
        from tables t
        join pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
        where t.key is not null and (t.key, t.key) is distinct from (
          (select a.attname::text from pg_attribute a where a.attrelid = k.conrelid and a.attnum = k.conkey[1]),
          (select a.attname::text from pg_attribute a where a.attrelid = k.confrelid and a.attnum = k.confkey[1]))
        union all
        select format('the unique key %s does not begin with %s', columns, key),
          case when conname is null then format('drop index %I.%I', nspname, index) else format('alter table %s drop constraint %I', name, conname) end
        from indexes where first is distinct from key and columns <> all($2)
        """;
}
