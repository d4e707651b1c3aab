namespace Insula.TestKit.Postgres;

/// <summary>
/// An empty database of one test's own, and the role that owns it, with the rights that an operator would give: it may log
/// in and make roles and databases, and is no superuser. Disposing drops it, and what was made beside it.
/// </summary>
public sealed record TestDatabase(string Database, string OwnerConnectionString, string SuperuserConnectionString) : IAsyncDisposable
{
    /// <summary>The owner's connection string as a URI.</summary>
    public required string OwnerUri { get; init; }

    /// <summary>The name of the owner role.</summary>
    public required string Owner { get; init; }

    /// <summary>The server that it is on.</summary>
    public required PostgresServer Server { get; init; }

    public async ValueTask DisposeAsync() => await Server.DropDatabaseAsync(this, CancellationToken.None);
}
