using Insula.Agents;

namespace Insula.Storage.Tests.Contracts;

/// <summary>A placement that the contracts of a tenant's store are held against: its stores, opened, and opened again on the same data.</summary>
public abstract class TenantPlace : IAsyncDisposable
{
    public abstract Task<ITenantStores> OpenAsync();

    /// <summary>Closes the stores and opens them on the same data.</summary>
    public abstract Task<ITenantStores> ReopenAsync();

    public abstract ValueTask DisposeAsync();
}
