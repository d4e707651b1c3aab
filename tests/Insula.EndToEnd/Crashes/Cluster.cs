using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>Nodes on one PostgreSQL.</summary>
internal static class Cluster
{
    /// <summary>
    /// Commits wait for the disk. What a kill leaves in the page cache is still there, and looking for it file by file would
    /// only make each start after a kill longer.
    /// </summary>
    public static PostgresServerOptions Durable { get; } = new() { Fsync = true, Settings = new Dictionary<string, string> { ["recovery_init_sync_method"] = "syncfs" } };

    public static Task<InsulaProcess> StartNodeAsync(TempFolder folder, TestDatabase database, CancellationToken ct) =>
        InsulaProcess.StartAsync(folder.Path, ct, ("INSULA_DATABASE", database.OwnerUri), ("INSULA_SCRIPTED", "on"));
}
