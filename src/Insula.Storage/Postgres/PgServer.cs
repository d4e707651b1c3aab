using Insula.Storage.Engine;
using Insula.Storage.Migrating;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// One PostgreSQL database that holds tenants, the databases beside it that hold one tenant each, and the pools to them.
/// Made by <see cref="OpenAsync"/>, which brings schemas and the runtime role up to date with the owner's connection; all
/// work for tenants then runs as the runtime role.
/// </summary>
internal sealed class PgServer : IAsyncDisposable
{
    private const int VersionMin = 15;

    private static readonly TimeSpan IdleMax = TimeSpan.FromMinutes(5);

    private readonly NpgsqlConnectionStringBuilder _address;
    private readonly PostgresOptions _options;
    private readonly NpgsqlDataSource _owner;
    private readonly ConnectionGate _gate;
    private readonly PgPool _pool;
    private readonly OwnDatabases _databases;
    private readonly string _password;
    private readonly TimeProvider _time;

    private PgServer(string name, NpgsqlConnectionStringBuilder address, PostgresOptions options, NpgsqlDataSource owner, string password, TimeProvider time)
    {
        Name = name;
        _address = address;
        _options = options;
        _owner = owner;
        _password = password;
        _time = time;
        _gate = new(options.ConnectionsMax, options.TenantConnectionsMax, options.ConnectionWait, name, time);
        _pool = new(Runtime(PgNames.TenantsSchema, options.ConnectionsMax), _gate, name, IdleMax, time);
        _databases = new(this, options, time);
    }

    public string Name { get; }

    /// <summary>The role that all work runs as, on this server.</summary>
    public string RuntimeRole => PgNames.RuntimeRoleOf(_address.Database!);

    /// <summary>What this opening applied.</summary>
    public IReadOnlyList<StepApplied> Applied { get; private init; } = [];

    public string MainDatabase => _address.Database!;

    public static async Task<PgServer> OpenAsync(string name, NpgsqlConnectionStringBuilder address, PostgresOptions options, TimeProvider time, CancellationToken ct)
    {
        var owner = OwnerSource(address, address.Database!);
        try
        {
            await using var connection = await owner.OpenConnectionAsync(ct);
            await RefuseUnusableAsync(connection, ct);
            await PgJournal.EnsureAsync(connection, ct);
            var role = PgNames.RuntimeRoleOf(address.Database!);
            var password = await PgRoles.EnsureRuntimeAsync(connection, role, ct);
            var migrator = new PgMigrator(PgPatience.OfUpkeep, time);
            var control = name == PlacementOptions.MainServer ? await migrator.ApplyAsync(connection, new PgTarget(PgNames.ControlSchema, options.Schemas.Control, role), ct) : [];
            var tenants = await migrator.ApplyAsync(connection, new PgTarget(PgNames.TenantsSchema, options.Schemas.Tenant, role), ct);
            var server = new PgServer(name, address, options, owner, password, time)
            {
                Applied = [.. control.Select(step => new StepApplied(name, StoreKind.Control, step.Text.Name)), .. tenants.Select(step => new StepApplied(name, StoreKind.Shared, step.Text.Name))],
            };
            return await CheckedAsync(server, ct);
        }
        catch (Exception error)
        {
            await owner.DisposeAsync();
            throw PgFaults.Map(error, name);
        }
    }

    /// <summary>A pool of the runtime role's connections to this server's control store.</summary>
    public PgPool ControlPool(ConnectionGate gate) => new(Runtime(PgNames.ControlSchema, _options.ControlConnectionsMax), gate, Name, IdleMax, _time);

    /// <summary>
    /// Connections of the runtime role by which nodes hear of each other: one that sends, one that listens. A dead peer is
    /// noticed soon, since nothing else comes over them for long.
    /// </summary>
    public NpgsqlDataSource WakeSource() => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_address.ConnectionString)
    {
        Username = RuntimeRole,
        Password = _password,
        ApplicationName = "insula wakes",
        Pooling = false,
        Timeout = 5,
        CommandTimeout = 5,
        KeepAlive = 5,
        Enlist = false,
        PersistSecurityInfo = false,
    });

    /// <summary>A connection of the owner, for schemas, roles and databases.</summary>
    public ValueTask<NpgsqlConnection> OwnerAsync(CancellationToken ct) => _owner.OpenConnectionAsync(ct);

    /// <summary>What this program brings a tenant's store to.</summary>
    public PgSchema TenantSchema => _options.Schemas.Tenant;

    /// <summary>Tenants' own schemas and databases here.</summary>
    public PgPlaces Places(PgPatience patience) => new(this, patience, _time);

    /// <summary>The owner's connections to another database of this server.</summary>
    public NpgsqlDataSource OwnerOf(string database) => OwnerSource(_address, database);

    /// <summary>The runtime role's connections to another database of this server.</summary>
    public NpgsqlDataSource RuntimeOf(string database) => Runtime(PgNames.TenantsSchema, _options.DatabaseConnectionsMax, database);

    /// <summary>Refuses a tenant's schema whose walls have a hole. The tenant's own statements wait for this one.</summary>
    public async Task RefuseUnsafeSchemaAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        var schema = PgNames.SchemaOf(tenant);
        using var turn = await _gate.EnterAsync(tenant.ToString(), ct);
        var breaches = await _pool.Connections.UseAsync(runtime => new ValueTask<List<Breach>>(CheckWalls.OfSchemaAsync(runtime, schema, ct)), ct);
        if (breaches.Count > 0) throw new FaultException(CheckWalls.Closed($"the schema {schema} on server '{Name}'", breaches));
    }

    /// <summary>Refuses a tenant's database whose walls have a hole.</summary>
    public async Task RefuseUnsafeDatabaseAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        var database = PgNames.DatabaseOf(MainDatabase, tenant);
        await using var source = RuntimeOf(database);
        await using var runtime = await source.OpenConnectionAsync(ct);
        var breaches = await CheckWalls.OfDatabaseAsync(runtime, [PgNames.TenantsSchema], ct);
        if (breaches.Count > 0) throw new FaultException(CheckWalls.Closed($"the database {database} on server '{Name}'", breaches));
    }

    public async ValueTask<TenantLease> LeaseAsync(Id<Tenant> tenant, Placement placement, CancellationToken ct) => placement switch
    {
        Placement.Shared => new OpenLease(new PgDatabase(_pool, PgScope.InTenants(tenant))),
        Placement.Schema => new OpenLease(new PgDatabase(_pool, PgScope.InSchema(tenant))),
        Placement.Database => await _databases.LeaseAsync(tenant, ct),
        _ => throw new ArgumentOutOfRangeException(nameof(placement), placement, "A placement of another engine."),
    };

    public async ValueTask DisposeAsync()
    {
        await _databases.DisposeAsync();
        await _pool.DisposeAsync();
        await _owner.DisposeAsync();
        _gate.Dispose();
    }

    /// <summary>The server, when its walls stand.</summary>
    private static async Task<PgServer> CheckedAsync(PgServer server, CancellationToken ct)
    {
        try
        {
            string[] schemas = server.Name == PlacementOptions.MainServer ? [PgNames.ControlSchema, PgNames.TenantsSchema] : [PgNames.TenantsSchema];
            var breaches = await server.LogInAsync(runtime => CheckWalls.OfDatabaseAsync(runtime, schemas, ct), ct);
            return breaches.Count == 0 ? server : throw new FaultException(CheckWalls.Refusal(server.Name, breaches));
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The first use of a connection of the runtime role. Later ones that are refused look like a server that is away.</summary>
    private async Task<T> LogInAsync<T>(Func<NpgsqlConnection, Task<T>> use, CancellationToken ct)
    {
        try
        {
            return await _pool.Connections.UseAsync(connection => new ValueTask<T>(use(connection)), ct);
        }
        catch (PostgresException error) when (PgRoles.MendOf(error, MainDatabase, RuntimeRole) is { } mend)
        {
            throw new FaultException(
                Fault.Unavailable("database_login_refused", $"The database server does not let in the role '{RuntimeRole}' that Insula made to run as: {error.MessageText}. As the database's owner or a superuser: {mend}"), error);
        }
    }

    /// <summary>Connections of the owner that cannot change anything.</summary>
    public static NpgsqlDataSource PlanningSource(NpgsqlConnectionStringBuilder address) =>
        OwnerSource(new NpgsqlConnectionStringBuilder(address.ConnectionString) { Options = "-c default_transaction_read_only=on" }, address.Database!);

    /// <summary>Throws <see cref="FaultException"/> for a server that is too old, or not reached directly.</summary>
    public static async Task RefuseUnusableAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        if (connection.PostgreSqlVersion.Major < VersionMin)
        {
            throw new FaultException(Fault.Unavailable(
                "database_too_old", $"The database server is PostgreSQL {connection.PostgreSqlVersion}; Insula needs {VersionMin} or newer. Upgrade the server."));
        }

        // A pooler gives a process id of its own, and a different server process for each transaction.
        if (await PgOwner.FirstAsync<int>(connection, "select pg_backend_pid()", ct) != connection.ProcessID)
        {
            throw new FaultException(Fault.Unavailable(
                "database_behind_pooler", "There is a connection pooler in front of the database. Give the address of the server itself: Insula pools its connections and needs notifications, which a pooler drops."));
        }
    }

    private static NpgsqlDataSource OwnerSource(NpgsqlConnectionStringBuilder address, string database) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(address.ConnectionString)
    {
        Database = database,
        ApplicationName = "insula owner",
        MaxPoolSize = 10,
        ConnectionIdleLifetime = 10,
        Timeout = 5,
        // A migration takes as long as it takes; who waits for one says how long. A peer that is gone is noticed below.
        CommandTimeout = 0,
        TcpKeepAlive = true,
        TcpKeepAliveTime = 15,
        TcpKeepAliveInterval = 5,
        Enlist = false,
        PersistSecurityInfo = false,
    });

    // Not reset between two units: see PgLink. The operator's own settings may not say so, for the same words would then
    // hold for what is not PgLink's.
    private NpgsqlDataSource Runtime(string searchPath, int connectionsMax, string? database = null) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_address.ConnectionString)
    {
        Database = database ?? _address.Database,
        Username = RuntimeRole,
        Password = _password,
        SearchPath = searchPath,
        // Every statement has its index (a test holds them to it). A plan that was made while a table was empty reads all of
        // it, and a connection keeps its plans: what took 100 microseconds takes 20 milliseconds then.
        Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan -c jit=off",
        ApplicationName = "insula",
        MaxPoolSize = connectionsMax,
        // Those that rest are WarmConnections': what comes back here is to be closed.
        ConnectionIdleLifetime = 10,
        MaxAutoPrepare = 100,
        AutoPrepareMinUsages = 2,
        Timeout = 5,
        CommandTimeout = 30,
        KeepAlive = 30,
        NoResetOnClose = true,
        Enlist = false,
        PersistSecurityInfo = false,
    });

    /// <summary>A lease of what is open anyway.</summary>
    private sealed class OpenLease(Database database) : TenantLease
    {
        protected override Database Leased => database;

        protected override void Release()
        {
            // Nothing was taken.
        }
    }
}
