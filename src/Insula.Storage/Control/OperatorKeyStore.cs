using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;

namespace Insula.Storage.Control;

internal sealed class OperatorKeyStore(SqliteStorage storage) : IOperatorKeyStore
{
    public async Task<IReadOnlyList<OperatorKey>> AllAsync(CancellationToken ct) => await storage.Control.ReadAsync(
        link => link.All(ControlSql.OperatorKeys, static row => new OperatorKey(row.GetString(0), row.GetFieldValue<byte[]>(1), row.GetInt32(2), row.Moment(3))),
        ct);

    public Task AddAsync(OperatorKey key, AuditRecord record, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            link.Run(
                ControlSql.AddOperatorKey,
                ("@handle", key.Handle),
                ("@hash", key.Hash),
                ("@pepper_version", key.PepperVersion),
                ("@created_at", Instant.ToNumber(key.CreatedAt)));
            AuditLog.Append(link, record);
            return true;
        },
        ct);
}
