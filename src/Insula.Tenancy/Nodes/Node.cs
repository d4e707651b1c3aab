using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Nodes;

/// <summary>
/// This process among those that serve one installation. The storage registers it, since the storage knows whether there
/// can be others. A process that starts again is another node: it has no claim on what it held before.
/// </summary>
/// <param name="Alone">Whether no other process can use the same data.</param>
public sealed record Node(Id<Node> Id, bool Alone) : IIdentified
{
    public static string IdPrefix => "node";

    public static Node New(bool alone) => new(Id<Node>.New(), alone);
}
