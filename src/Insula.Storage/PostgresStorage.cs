using Insula.Storage.Engine;
using Insula.Storage.Migrating;
using Insula.Storage.Postgres;
using Insula.Storage.Postgres.Wakes;
using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Microsoft.Extensions.Logging;

namespace Insula.Storage;

/// <summary>
/// The storage of a cluster: control store and tenants on PostgreSQL. Opening it makes and migrates what is missing with
/// the owner's connections; everything after runs as a role that owns nothing.
/// </summary>
public sealed partial class PostgresStorage : InstalledStorage
{
    private readonly PostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<PostgresStorage> _log;
    private readonly CancellationTokenSource _closing = new();
    private DataFolder? _folder;
    private Parts? _open;
    private bool _disposed;

    internal PostgresStorage(PostgresOptions options, TimeProvider time, ILogger<PostgresStorage> log)
    {
        options.Validate();
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>The line to the other nodes, opened and closed with the storage. Null for a storage that serves nobody, as a migration's.</summary>
    internal PgWakes? Wakes { get; init; }

    internal static Fault Closed { get; } = Fault.Unavailable("store_closed", "The storage is closing. Try again in a moment.");

    /// <summary>Cancelled when the storage closes; for work that no caller's cancellation ends.</summary>
    internal CancellationToken Closing => _closing.Token;

    internal IEnumerable<PgServer> Servers => Open.Servers.Values;

    private Parts Open => _open ?? throw (_disposed
        ? new FaultException(Closed)
        : new InvalidOperationException($"The storage is not open: await {nameof(OpenAsync)} before serving."));

    public override async Task OpenAsync(CancellationToken ct)
    {
        if (_open is not null) throw new InvalidOperationException("The storage is open already.");

        // Read first: a start that is refused makes nothing.
        var addresses = PgAddress.All(_options);
        Dictionary<string, PgServer> servers = new(StringComparer.Ordinal);
        try
        {
            if (_options.DataFolder is { } folder) _folder = DataFolder.Open(folder);
            foreach (var (name, address) in addresses) servers[name] = await PgServer.OpenAsync(name, address, _options, _time, ct);
            foreach (var step in servers.Values.SelectMany(static server => server.Applied)) LogApplied(step.Kind, step.Server, step.Name);
            var main = servers[PlacementOptions.MainServer];
            var gate = new ConnectionGate(_options.ControlConnectionsMax, _options.TenantConnectionsMax, _options.ConnectionWait, main.Name, _time);
            if (Wakes is not null) await OpenWakesAsync(Wakes, main, ct);
            _open = new Parts(servers, main.ControlPool(gate));
        }
        catch
        {
            if (Wakes is not null) await Wakes.DisposeAsync();
            foreach (var server in servers.Values) await server.DisposeAsync();
            _folder?.Dispose();
            throw;
        }
    }

    public override async Task<IAsyncDisposable> HoldStartAsync(CancellationToken ct) => await PgHold.TakeAsync(ServerOf(PlacementOptions.MainServer), "insula start", ct);

    public override async Task<Fault?> CheckAsync(CancellationToken ct)
    {
        try
        {
            _ = await Control(PgScope.OfPlatform).FirstAsync("select 1", static row => row.GetInt32(0), ct);
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
        catch (InvalidOperationException error)
        {
            return Fault.Unavailable("store_closed", "The storage is not open yet.", error.Message);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _disposed = true;
        await _closing.CancelAsync();
        if (Wakes is not null) await Wakes.DisposeAsync();
        if (Interlocked.Exchange(ref _open, null) is not { } open) return;
        await open.Control.DisposeAsync();
        open.Control.Gate.Dispose();
        foreach (var server in open.Servers.Values) await server.DisposeAsync();
        _folder?.Dispose();
    }

    /// <summary>The control store as one principal.</summary>
    internal Database Control(PgScope scope) => new PgDatabase(Open.Control, scope);

    /// <summary>The server of that name. A tenant may live on one that the settings no longer name.</summary>
    internal PgServer ServerOf(string name) => Open.Servers.TryGetValue(name, out var server)
        ? server
        : throw new FaultException(Fault.Unavailable(
            "database_server_unknown", "The database server of this tenant is not configured here. The operator has to name it in the settings again.", $"server '{name}'"));

    private static async Task OpenWakesAsync(PgWakes wakes, PgServer main, CancellationToken ct)
    {
        await using var owner = await main.OwnerAsync(ct);
        wakes.Open(main.WakeSource(), await PgSecrets.EnsureAsync(owner, PgSecrets.WakeKey, ct));
    }

    [LoggerMessage(EventId = 3110, Level = LogLevel.Information, Message = "Migrated the {Kind} store on {Server}: {Step}")]
    private partial void LogApplied(StoreKind kind, string server, string step);

    private sealed record Parts(IReadOnlyDictionary<string, PgServer> Servers, PgPool Control);
}
