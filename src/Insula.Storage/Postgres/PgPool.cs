using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Connections to one database, the gate before them, and the transactions over them that several units share.</summary>
internal sealed class PgPool : IAsyncDisposable
{
    /// <param name="source">The pool's own from here on.</param>
    /// <param name="server">How messages of the log call the server.</param>
    /// <param name="idleMax">How long a connection that nobody needs stays open.</param>
    public PgPool(NpgsqlDataSource source, ConnectionGate gate, string server, TimeSpan idleMax, TimeProvider time)
    {
        Connections = new(source, idleMax, time);
        Gate = gate;
        Commits = new(Connections, gate, server);
        Server = server;
    }

    public WarmConnections Connections { get; }

    public ConnectionGate Gate { get; }

    public SharedCommits Commits { get; }

    public string Server { get; }

    public ValueTask DisposeAsync() => Connections.DisposeAsync();
}
