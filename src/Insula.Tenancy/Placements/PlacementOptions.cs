using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Placements;

/// <summary>A server that tenants' data can live on.</summary>
/// <param name="Weight">Its share of new tenants, beside the other servers' weights. 0: only those that the operator sends there.</param>
public sealed record StoreServer(string Name, int Weight = 1);

/// <summary>What an installation has to offer a new tenant; the storage says it.</summary>
/// <param name="Available">The placements that can be had.</param>
/// <param name="Default">The one for a tenant whose operator and whose plan ask for none.</param>
/// <param name="Servers">At least one of them with a weight over 0.</param>
public sealed record PlacementOptions(IReadOnlyList<Placement> Available, Placement Default, IReadOnlyList<StoreServer> Servers)
{
    /// <summary>The server that every installation has: the data folder, or the database of <c>INSULA_DATABASE</c>.</summary>
    public const string MainServer = "main";

    /// <summary>One node with a file per tenant.</summary>
    public static PlacementOptions Embedded { get; } = new([Placement.File], Placement.File, [new(MainServer)]);

    /// <summary>Nodes that share PostgreSQL: the main server and any others by name, which take equal shares.</summary>
    public static PlacementOptions Cluster(IEnumerable<string> otherServers) => new(
        [Placement.Shared, Placement.Schema, Placement.Database],
        Placement.Shared,
        [new(MainServer), .. otherServers.Select(static name => new StoreServer(name))]);
}
