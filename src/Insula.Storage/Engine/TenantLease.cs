using Insula.Agents;

namespace Insula.Storage.Engine;

/// <summary>The right to use a tenant's database until it is disposed; what the database needs stays open so long.</summary>
internal abstract class TenantLease : IDisposable
{
    private int _released;

    /// <summary>Throws once the lease is given back.</summary>
    public Database Database => Volatile.Read(ref _released) == 0 ? Leased : throw new ObjectDisposedException(nameof(ITenantStore));

    protected abstract Database Leased { get; }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0) Release();
    }

    /// <summary>Called once.</summary>
    protected abstract void Release();
}
