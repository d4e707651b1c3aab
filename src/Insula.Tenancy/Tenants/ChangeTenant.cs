using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Tenants;

/// <summary>
/// Replaces a tenant's row against changes made at the same time: it reads, changes and compares, and begins anew when
/// the row moved on. <see cref="Tenant.UpdatedAt"/> is the row's version, so it grows with every change.
/// </summary>
public sealed class ChangeTenant(ITenantDirectory directory, TimeProvider time)
{
    private const int AttemptsMax = 10;

    /// <summary>Changes the row; a change that gives back the row it got writes nothing.</summary>
    /// <param name="action">The audit record's verb.</param>
    /// <param name="change">From the row and the time of the change to the new row, or a fault.</param>
    internal async Task<Result<Tenant>> RunAsync(
        OperatorScope scope, Id<Tenant> id, string action, string? detail, Func<Tenant, DateTimeOffset, Result<Tenant>> change, CancellationToken ct)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            if (await directory.FindAsync(id, ct) is not { } tenant) return Fault.NotFound("tenant");

            var now = After(tenant.UpdatedAt, time.NowInMicroseconds());
            if (change(tenant, now).Failed(out var fault, out var changed)) return fault;
            if (changed == tenant) return tenant;

            changed = changed with { UpdatedAt = now };
            var record = new AuditRecord(id, scope.Principal, action, id.ToString(), detail, now);

            // The write is not cancelled: what is in the store must be put into force by the caller.
            if (await directory.ReplaceAsync(tenant, changed, record, CancellationToken.None)) return changed;
        }

        return Fault.Conflict("tenant_busy", "The tenant is being changed by several callers at once. Read it again and repeat the change.");
    }

    private static DateTimeOffset After(DateTimeOffset last, DateTimeOffset now) => now > last ? now : last.AddMicroseconds(1);
}
