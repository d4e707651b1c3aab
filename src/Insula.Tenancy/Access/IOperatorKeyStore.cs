using Insula.Tenancy.Audit;

namespace Insula.Tenancy.Access;

/// <summary>The hash of an operator key made on first start, kept in the control store.</summary>
public sealed record OperatorKey(string Handle, byte[] Hash, int PepperVersion, DateTimeOffset CreatedAt);

/// <summary>The control store's operator keys.</summary>
public interface IOperatorKeyStore
{
    Task<IReadOnlyList<OperatorKey>> AllAsync(CancellationToken ct);

    Task AddAsync(OperatorKey key, AuditRecord record, CancellationToken ct);
}
