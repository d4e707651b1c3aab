using Insula.Tenancy.Usage;

namespace Insula.Agents.Usage;

/// <summary>What steps used and the ledger may not have yet. Rows come with the appends of runs (<see cref="Sessions.ISessionStore.AppendAsync"/>).</summary>
public interface IUsageOutbox
{
    /// <summary>In no particular order.</summary>
    Task<IReadOnlyList<UsageEntry>> ListAsync(int limit, CancellationToken ct);

    /// <summary>Removes what the ledger has.</summary>
    Task RemoveAsync(IReadOnlyList<UsageEntry> shipped, CancellationToken ct);
}
