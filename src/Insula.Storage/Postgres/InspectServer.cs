using System.Net.Sockets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Looks at one server: the owner's connection cannot write, and the runtime role's only asks the catalog.</summary>
internal sealed class InspectServer(string name, NpgsqlConnectionStringBuilder address, PostgresOptions options)
{
    private const int OwnerConnections = 10;
    private const int WakeConnections = 2;

    private readonly List<DatabaseFinding> _findings = [];

    private string RuntimeRole => PgNames.RuntimeRoleOf(address.Database!);

    private bool IsMain => name == PlacementOptions.MainServer;

    /// <summary>Connections that one node may come to hold here: its pools, when all are full.</summary>
    private int NodeConnections =>
        options.ConnectionsMax + (options.OpenDatabasesMax * options.DatabaseConnectionsMax) + OwnerConnections + (IsMain ? options.ControlConnectionsMax + WakeConnections : 0);

    public async Task<IReadOnlyList<DatabaseFinding>> RunAsync(CancellationToken ct)
    {
        try
        {
            await using var source = PgServer.PlanningSource(address);
            await using var owner = await source.OpenConnectionAsync(ct);
            await PgServer.RefuseUnusableAsync(owner, ct);
            Good("database", $"answers; PostgreSQL {owner.PostgreSqlVersion}");
            Version(owner.PostgreSqlVersion);
            await OwnerAsync(owner, ct);
            await DurabilityAsync(owner, ct);
            await ConnectionsAsync(owner, ct);
            await WallsAsync(owner, ct);
        }
        catch (FaultException error)
        {
            Add(DatabaseFindingKind.Unusable, "database", error.Fault.Message, "Do what the message says.");
        }
        catch (Exception error) when (error is NpgsqlException or SocketException or IOException or TimeoutException)
        {
            Add(DatabaseFindingKind.Unusable, "database", $"does not answer: {Reason(error)}", "Start the server, or mend the address, the user or the password of the setting.");
        }

        return _findings;
    }

    private void Version(Version version)
    {
        foreach (var hole in KnownHoles.Of(version))
            Add(DatabaseFindingKind.Doubtful, "version", $"PostgreSQL {version} has {hole.Cve}: {hole.What}", $"Update the server to {hole.FixIn(version.Major)} or newer; a newer minor version needs no migration.");
    }

    private async Task OwnerAsync(NpgsqlConnection owner, CancellationToken ct)
    {
        const string check = "owner role";
        var (role, superuser, createRole, createDatabase, owns) = (await PgOwner.AllAsync(
            owner,
            "select r.rolname::text, r.rolsuper, r.rolcreaterole, r.rolcreatedb, pg_has_role(d.datdba, 'usage') from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()",
            static row => (row.GetString(0), row.GetBoolean(1), row.GetBoolean(2), row.GetBoolean(3), row.GetBoolean(4)),
            ct))[0];
        var quoted = PgNames.Quote(role);
        if (superuser) Add(DatabaseFindingKind.Doubtful, check, $"'{role}' is a superuser, which Insula does not need", $"create role insula_owner login createrole createdb password '…'; alter database {PgNames.Quote(address.Database!)} owner to insula_owner; and give that role in the setting.");
        else if (!createRole) Add(DatabaseFindingKind.Unusable, check, $"'{role}' may not make roles", $"alter role {quoted} createrole;");
        else if (!owns) Add(DatabaseFindingKind.Doubtful, check, $"'{role}' does not own the database, so it cannot narrow who may do what in it", $"alter database {PgNames.Quote(address.Database!)} owner to {quoted};");
        else if (!createDatabase) Add(DatabaseFindingKind.Doubtful, check, $"'{role}' may not make databases, so no tenant gets the placement 'database'", $"alter role {quoted} createdb;");
        else Good(check, $"'{role}' owns the database, and may make roles and databases");
    }

    private async Task DurabilityAsync(NpgsqlConnection owner, CancellationToken ct)
    {
        const string check = "durability";
        var off = await PgOwner.AllAsync(
            owner, "select name from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off' order by name", static row => row.GetString(0), ct);
        foreach (var setting in off)
            Add(DatabaseFindingKind.Doubtful, check, $"{setting} is off: what was acknowledged may be lost when the machine stops", $"alter system set {setting} = on; select pg_reload_conf();");
        if (off.Count == 0) Good(check, "fsync, full_page_writes and synchronous_commit are on");
    }

    private async Task ConnectionsAsync(NpgsqlConnection owner, CancellationToken ct)
    {
        const string check = "connections";
        var (most, others) = (await PgOwner.AllAsync(
            owner,
            """
            select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true)::int, 0),
              (select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name not like 'insula%')::int
            """,
            static row => (row.GetInt32(0), row.GetInt32(1)),
            ct))[0];
        var found = $"one node may hold {NodeConnections}; the server takes {most}, of which {others} are in others' use";
        if (NodeConnections <= most - others) Good(check, found);
        else Add(DatabaseFindingKind.Doubtful, check, found, $"alter system set max_connections = {Math.Max(200, (2 * NodeConnections) + others)}; and restart the server. Reckon with {NodeConnections} for each node.");
    }

    private async Task WallsAsync(NpgsqlConnection owner, CancellationToken ct)
    {
        const string check = "walls";
        if (!await PgJournal.ExistsAsync(owner, ct) || await PgRoles.PasswordAsync(owner, ct) is not { } password)
        {
            Good(check, "not made yet; the first 'insula up' makes them");
            return;
        }

        string[] own = IsMain ? [PgNames.ControlSchema, PgNames.TenantsSchema] : [PgNames.TenantsSchema];
        var schemas = await PgOwner.AllAsync(owner, $"select nspname::text from pg_namespace where nspname ~ '{PgNames.SchemaPattern}' order by nspname", static row => row.GetString(0), ct);
        var databases = await PgOwner.AllAsync(
            owner, "select datname::text from pg_database where starts_with(datname::text, $1) and datallowconn order by datname", static row => row.GetString(0), ct, PgNames.DatabasePrefixOf(address.Database!));
        var holes = await AskAsync(check, address.Database!, password, [.. own, .. schemas], ct);
        foreach (var database in databases) holes += await AskAsync(check, database, password, [PgNames.TenantsSchema], ct);
        if (holes == 0) Good(check, $"stand: role '{RuntimeRole}', {schemas.Count} tenants' schemas and {databases.Count} tenants' databases looked into");
    }

    private async Task<int> AskAsync(string check, string database, string password, IReadOnlyList<string> schemas, CancellationToken ct)
    {
        var there = database == address.Database ? "" : $"in the database {database}: ";
        try
        {
            await using var runtime = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(address.ConnectionString)
            {
                Database = database,
                Username = RuntimeRole,
                Password = password,
                ApplicationName = "insula doctor",
                Pooling = false,
                Enlist = false,
                PersistSecurityInfo = false,
                Timeout = 5,
                CommandTimeout = 30,
            }.ConnectionString);
            await runtime.OpenAsync(ct);
            var breaches = await CheckWalls.OfDatabaseAsync(runtime, schemas, ct);
            foreach (var breach in breaches) Add(DatabaseFindingKind.Unusable, check, $"{there}{breach.What}", $"{breach.Mend};");
            return breaches.Count;
        }
        catch (PostgresException error) when (PgRoles.MendOf(error, database, RuntimeRole) is { } mend)
        {
            Add(DatabaseFindingKind.Unusable, check, $"{there}the role '{RuntimeRole}' is not let in: {error.MessageText}", mend);
            return 1;
        }
    }

    /// <summary>Without the driver's own words, which repeat the address.</summary>
    private static string Reason(Exception error) => error is PostgresException told ? told.MessageText : error.GetBaseException().Message;

    private void Good(string check, string detail) => _findings.Add(new DatabaseFinding(check, name, DatabaseFindingKind.Good, detail));

    private void Add(DatabaseFindingKind kind, string check, string detail, string mend) => _findings.Add(new DatabaseFinding(check, name, kind, detail, mend));
}
