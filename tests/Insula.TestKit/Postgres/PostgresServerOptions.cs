namespace Insula.TestKit.Postgres;

/// <summary>How a throw-away PostgreSQL is set up.</summary>
public sealed record PostgresServerOptions
{
    /// <summary>Connections it takes in all. Each test's pool holds a few.</summary>
    public int ConnectionsMax { get; init; } = 100;

    /// <summary>Its page cache. Small by default, for a machine that runs other tests beside it.</summary>
    public string SharedBuffers { get; init; } = "32MB";

    /// <summary>
    /// Whether a commit waits for the disk. A process that is killed loses nothing without it, but what a commit costs is
    /// only measured with it.
    /// </summary>
    public bool Fsync { get; init; } = true;

    /// <summary>Any further settings, by their PostgreSQL names.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
