using System.Collections.Frozen;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Placements;

/// <summary>The placements by the words that the API, the plan file and the stores use for them.</summary>
public static class PlacementNames
{
    private static readonly FrozenDictionary<string, Placement> Known =
        Enum.GetValues<Placement>().ToFrozenDictionary(static placement => placement.ToString().ToLowerInvariant(), StringComparer.Ordinal);

    /// <summary>In the order of <see cref="Placement"/>.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<Placement>().Select(Of)];

    public static string Of(Placement placement) => Known.First(pair => pair.Value == placement).Key;

    /// <summary>The placement of that name; null when there is none.</summary>
    public static Placement? Find(string name) => Known.TryGetValue(name, out var placement) ? placement : null;
}
