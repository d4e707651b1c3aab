using Insula.Storage.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>Which PostgreSQL servers hold the data, and how many connections this node may hold to each.</summary>
public sealed record PostgresOptions
{
    /// <summary>The owner's connection to the main database: control store, and tenants that name no other server.</summary>
    public required Secret Main { get; init; }

    /// <summary>More servers for tenants, by name.</summary>
    public IReadOnlyDictionary<string, Secret> Servers { get; init; } = new Dictionary<string, Secret>(StringComparer.Ordinal);

    /// <summary>This node's folder, for what is its own: its lock and the file by which the command line finds it. Null for none.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Connections to a server for tenants' statements, 4 to 500; default 24. More than the server's cores rarely helps.</summary>
    public int ConnectionsMax { get; init; } = 24;

    /// <summary>Connections to the main server for the control store, 2 to 200; default 12.</summary>
    public int ControlConnectionsMax { get; init; } = 12;

    /// <summary>How many of a pool's connections one tenant may hold; default 8. Fewer than the pool, so that one tenant cannot hold all.</summary>
    public int TenantConnectionsMax { get; init; } = 8;

    /// <summary>Tenants' own databases with open connections at one moment, for each server, 1 to 500; default 16.</summary>
    public int OpenDatabasesMax { get; init; } = 16;

    /// <summary>Connections to one tenant's own database, 1 to 50; default 3.</summary>
    public int DatabaseConnectionsMax { get; init; } = 3;

    /// <summary>How long a unit of work waits for a connection, 0 to 60 seconds; default 10.</summary>
    public TimeSpan ConnectionWait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What the databases are brought to; other than shipped in tests only.</summary>
    internal PgSchemas Schemas { get; init; } = PgSchemas.Shipped;

    /// <summary>Throws one <see cref="FaultException"/> that lists every value out of range.</summary>
    internal void Validate()
    {
        List<string> wrong = [];
        void Within(string name, int value, int min, int max)
        {
            if (value < min || value > max) wrong.Add($"{name} is {value}; use {min} to {max}");
        }

        Within(nameof(ConnectionsMax), ConnectionsMax, 4, 500);
        Within(nameof(ControlConnectionsMax), ControlConnectionsMax, 2, 200);
        Within(nameof(TenantConnectionsMax), TenantConnectionsMax, 1, Math.Min(ConnectionsMax, ControlConnectionsMax) - 1);
        Within(nameof(OpenDatabasesMax), OpenDatabasesMax, 1, 500);
        Within(nameof(DatabaseConnectionsMax), DatabaseConnectionsMax, 1, 50);
        if (ConnectionWait < TimeSpan.Zero || ConnectionWait > TimeSpan.FromMinutes(1)) wrong.Add($"{nameof(ConnectionWait)} is {ConnectionWait}; use 0 to 60 seconds");
        if (wrong.Count > 0) throw new FaultException(Fault.Invalid("database", $"The database cannot be used: {string.Join("; ", wrong)}.", "invalid_setting"));
    }
}
