using Insula.Tenancy.Audit;

namespace Insula.Tenancy.Prices;

/// <summary>Prices that the operator put by API. Part of the control-store seam.</summary>
public interface IPriceStore
{
    /// <summary>Every version that was ever put, in the order of their putting.</summary>
    Task<IReadOnlyList<Price>> AllAsync(CancellationToken ct);

    Task AddAsync(Price price, AuditRecord record, CancellationToken ct);
}
