using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;

namespace Insula.Storage.Control;

internal sealed class OperatorKeyStore(ControlDatabase control) : IOperatorKeyStore
{
    public async Task<IReadOnlyList<OperatorKey>> AllAsync(CancellationToken ct) => await control.Platform.AllAsync(
        ControlSql.OperatorKeys,
        static row => new OperatorKey(row.GetString(0), row.GetFieldValue<byte[]>(1), row.GetInt32(2), row.Moment(3)),
        ct);

    public Task AddAsync(OperatorKey key, AuditRecord record, CancellationToken ct) => control.Platform.WriteAsync(
        link =>
        {
            link.Post(
                ControlSql.AddOperatorKey,
                ("@handle", key.Handle),
                ("@hash", key.Hash),
                ("@pepper_version", key.PepperVersion),
                ("@created_at", Instant.ToNumber(key.CreatedAt)));
            AuditLog.Append(link, record);
            return ValueTask.CompletedTask;
        },
        ct);
}
