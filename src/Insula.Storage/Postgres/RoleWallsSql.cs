namespace Insula.Storage.Postgres;

/// <summary>
/// What the catalog tells of a role: each row is a hole, and the SQL that closes it. The role is $1, or the session user
/// where that is empty or not asked for. It may set itself to any role that it is a member of, so what those may do counts
/// as its own.
/// </summary>
internal static class RoleWallsSql
{
    private const string Mine =
        """
        with recursive mine as (
          select oid from pg_roles where rolname = coalesce(nullif($1, ''), session_user)
          union
          select m.roleid from pg_auth_members m join mine on mine.oid = m.member)
        """;

    // A superuser holds every right there is: naming it once says it.
    private const string NoSuperuser = "not (select rolsuper from pg_roles where rolname = session_user)";

    private const string OfNoExtension = "not exists (select 1 from pg_depend d where d.deptype = 'e' and (d.classid, d.objid) =";

    /// <summary>Settings that every connection of the role begins with. A connection that says nothing must be nobody's.</summary>
    public const string Settings =
        """
        with made as (
          select s.setrole, s.setdatabase, split_part(c, '=', 1) as name
          from pg_db_role_setting s, unnest(s.setconfig) c
          where s.setrole in (0, (select oid from pg_roles where rolname = session_user))
            and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
            and split_part(c, '=', 1) in ('insula.tenant', 'insula.platform', 'role', 'session_authorization', 'row_security'))
        select format('every connection begins with the setting %s', name),
          case
            when setrole = 0 then format('alter database %I reset %s', current_database(), name)
            when setdatabase = 0 then format('alter role %I reset %s', session_user, name)
            else format('alter role %I in database %I reset %s', session_user, current_database(), name)
          end
        from made
        union all
        select format('every connection begins with the setting %s', name), format('alter system reset %s; select pg_reload_conf(); -- or take it out of postgresql.conf', name)
        from (values
          ('insula.tenant', coalesce(current_setting('insula.tenant', true), '') <> ''),
          ('insula.platform', coalesce(current_setting('insula.platform', true), '') <> ''),
          ('row_security', current_setting('row_security') = 'off')) v (name, made)
        where v.made and v.name not in (select m.name from made m)
        """;

    public const string Attributes =
        $"""
        {Mine}
        select format('the role %I is %s', r.rolname, v.word), format('alter role %I %s', r.rolname, v.mend)
        from (select r.*, r.rolname = session_user as self from mine join pg_roles r using (oid)) r,
          lateral (values
            (r.rolsuper, 'a superuser, whom no wall holds', 'nosuperuser'),
            (r.rolbypassrls, 'exempt from row-level security (BYPASSRLS)', 'nobypassrls'),
            (r.rolcreatedb, 'allowed to make databases (CREATEDB)', 'nocreatedb'),
            (r.rolcreaterole, 'allowed to make roles (CREATEROLE)', 'nocreaterole'),
            (r.rolreplication, 'allowed to read every change as a replica (REPLICATION)', 'noreplication'),
            (r.self and r.rolinherit, 'a member that inherits (INHERIT), and so holds the rights of every tenant at once', 'noinherit'),
            (not r.self and r.rolcanlogin, 'a tenant''s, and may log in by itself', 'nologin')) v (holds, word, mend)
        where v.holds and (r.self or r.rolname ~ '{PgNames.SchemaPattern}')
        """;

    /// <summary>The runtime role may be a member of the roles of tenants' schemas, and they of nothing.</summary>
    public const string Memberships =
        $"""
        {Mine}
        select case when v.inherited then format('the role %I inherits the rights of %I', u.rolname, r.rolname)
          when v.known then format('the role %I may make others members of %I', u.rolname, r.rolname)
          else format('the role %I is a member of %I', u.rolname, r.rolname) end,
          format(case when not v.known then 'revoke %I from %I' when v.inherited then 'revoke inherit option for %I from %I' else 'revoke admin option for %I from %I' end, r.rolname, u.rolname)
        from pg_auth_members m
        join pg_roles u on u.oid = m.member
        join pg_roles r on r.oid = m.roleid,
        lateral (select
          u.rolname = session_user and r.rolname ~ '{PgNames.SchemaPattern}' as known,
          u.rolname = session_user and r.rolname ~ '{PgNames.SchemaPattern}' and not u.rolsuper and not u.rolinherit and pg_has_role(u.oid, r.oid, 'usage') as inherited) v
        where (not v.known or v.inherited or m.admin_option)
          and (m.member in (select oid from mine) or (m.roleid in (select oid from mine) and (u.rolname = session_user or u.rolname ~ '{PgNames.SchemaPattern}')))
        """;

    /// <summary>An owner is free of every wall around what it owns, in this database or beside it.</summary>
    public const string Ownership =
        $"""
        {Mine}
        select format('the role %I owns %s', r.rolname,
            case when d.dbid in (0, (select oid from pg_database where datname = current_database())) then pg_describe_object(d.classid, d.objid, d.objsubid)
              else format('something in the database %I', (select datname from pg_database where oid = d.dbid)) end),
          format('reassign owned by %I to %s', r.rolname, coalesce((select quote_ident(pg_get_userbyid(nspowner)) from pg_namespace where nspname = '{PgNames.OwnerSchema}'), 'current_user'))
        from mine
        join pg_roles r on r.oid = mine.oid
        join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = mine.oid and d.deptype = 'o'
        """;

    /// <summary>What would let the role keep rows, or reach them, outside the walls of this database.</summary>
    public const string Database =
        $"""
        select format('the role %I may %s in the database %I', session_user, v.word, current_database()), format('revoke %s on database %I from public, %I', v.name, current_database(), session_user)
        from (values ('create', 'make schemas'), ('temporary', 'make temporary tables, which come before the real ones of their names,')) v (name, word)
        where {NoSuperuser} and has_database_privilege(session_user, current_database(), v.name)
        union all
        select format('the role %I may make tables and functions in the schema %I', session_user, nspname), format('revoke create on schema %I from public, %I', nspname, session_user)
        from pg_namespace
        where {NoSuperuser} and nspname !~ '^pg_' and has_schema_privilege(session_user, oid, 'create')
        union all
        select format('the role %I may look into the schema %I', session_user, nspname), format('revoke all on schema %I from public, %I', nspname, session_user)
        from pg_namespace
        where {NoSuperuser} and (nspname = '{PgNames.OwnerSchema}' or nspname ~ '{PgNames.SchemaPattern}') and has_schema_privilege(session_user, oid, 'usage')
        union all
        select format('the role %I reaches %I.%I, which has no walls', session_user, n.nspname, c.relname), format('revoke all on table %I.%I from public, %I', n.nspname, c.relname, session_user)
        from pg_namespace n
        join pg_class c on c.relnamespace = n.oid
        where {NoSuperuser} and n.nspname !~ '^pg_' and n.nspname !~ '{PgNames.SchemaPattern}'
          and n.nspname not in ('information_schema', '{PgNames.ControlSchema}', '{PgNames.TenantsSchema}')
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_schema_privilege(session_user, n.oid, 'usage')
          and (has_table_privilege(session_user, c.oid, 'select, insert, update, delete, truncate, references, trigger')
            or has_any_column_privilege(session_user, c.oid, 'select, insert, update, references'))
          and {OfNoExtension} ('pg_class'::regclass, c.oid))
        """;

    /// <summary>A function that runs as its owner takes its caller out of the walls, unless its owner is inside them and its names are pinned.</summary>
    public const string Functions =
        $"""
        select format('the function %s runs as %I, %s', f.name, f.owner, f.reason), f.mend
        from (
          select p.name, o.rolname as owner, v.reason, v.mend
          from (
            select p.*, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name
            from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where p.prosecdef and n.nspname <> 'information_schema' and n.nspname !~ '^pg_') p
          join pg_roles o on o.oid = p.proowner,
          lateral (values
            (o.rolsuper or o.rolbypassrls, 'whom row-level security does not hold', format('revoke execute on routine %s from public, %I', p.name, session_user)),
            (not exists (select 1 from unnest(p.proconfig) c where c like 'search\_path=%'), 'and its caller chooses which tables its names mean', format('alter routine %s set search_path = pg_catalog, pg_temp', p.name))) v (holds, reason, mend)
          where v.holds and has_function_privilege(session_user, p.oid, 'execute')
            and {OfNoExtension} ('pg_proc'::regclass, p.oid))) f
        """;

    /// <summary>Large objects know no rows, and so no tenants.</summary>
    public const string LargeObjects = "select format('the large object %s belongs to no tenant', oid), format('select lo_unlink(%s)', oid) from pg_largeobject_metadata order by oid limit 5";
}
