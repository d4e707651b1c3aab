namespace Insula.Tenancy.Prices;

/// <summary>What things cost. Anyone signed in may look.</summary>
public sealed class ListPrices(PriceCatalog catalog)
{
    /// <summary>Every version, by name and moment.</summary>
    public IReadOnlyList<Price> Run() => catalog.All;
}
