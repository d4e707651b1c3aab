using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>The storage that an installation runs on. Open it before serving and dispose it last.</summary>
public abstract class InstalledStorage : IAsyncDisposable
{
    /// <summary>Takes the place of the data, makes what is missing and brings it up to date. Throws <see cref="FaultException"/> with a message for the operator.</summary>
    public abstract Task OpenAsync(CancellationToken ct);

    /// <summary>
    /// Lets no other node make what a first start makes, until it is disposed. A data folder has one server anyway.
    /// </summary>
    public abstract Task<IAsyncDisposable> HoldStartAsync(CancellationToken ct);

    /// <summary>Null while the stores answer; else what is wrong.</summary>
    public abstract Task<Fault?> CheckAsync(CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}
