using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Connections to one database, the gate before them, and the transactions over them that several units share.</summary>
/// <param name="server">How messages of the log call the server.</param>
internal sealed class PgPool(NpgsqlDataSource source, ConnectionGate gate, string server)
{
    public NpgsqlDataSource Source => source;

    public ConnectionGate Gate => gate;

    public SharedCommits Commits { get; } = new(source, gate, server);

    public string Server => server;
}
