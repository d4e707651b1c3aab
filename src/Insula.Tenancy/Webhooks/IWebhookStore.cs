using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Webhooks;

/// <summary>
/// Tenants' webhooks and what is on its way to them. Part of the control-store seam. What happens in the control store puts
/// its deliveries there in its own transaction; each has an id that follows from what happened, so none comes in twice.
/// </summary>
public interface IWebhookStore
{
    /// <summary>False, and nothing is written, when the tenant has <paramref name="max"/> others.</summary>
    Task<bool> AddAsync(TenantScope scope, Webhook webhook, int max, AuditRecord record, CancellationToken ct);

    Task<Webhook?> FindAsync(TenantScope scope, Id<Webhook> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<Webhook>> ListAsync(TenantScope scope, PageRequest page, CancellationToken ct);

    /// <summary>Removes it with what is on its way to it; false when there is none.</summary>
    Task<bool> RemoveAsync(TenantScope scope, Id<Webhook> id, AuditRecord record, CancellationToken ct);

    /// <summary>Lets a disabled one receive again, and has what is on its way to it due at <paramref name="now"/>; false when there is none.</summary>
    Task<bool> EnableAsync(TenantScope scope, Id<Webhook> id, DateTimeOffset now, AuditRecord record, CancellationToken ct);

    /// <summary>What is and was on its way to it, newest first.</summary>
    Task<Page<DeliveryStanding>> ListDeliveriesAsync(TenantScope scope, Id<Webhook> id, PageRequest page, CancellationToken ct);

    /// <summary>Puts the event on its way to every webhook of the tenant that asks for it, unless it is or was already.</summary>
    /// <param name="subject">What the ids follow from.</param>
    Task PutAsync(Id<Tenant> tenant, string name, string subject, string data, DateTimeOffset at, CancellationToken ct);

    /// <summary>Deliveries that are due, the longest due first.</summary>
    Task<IReadOnlyList<Delivery>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken ct);

    /// <summary>Takes one for this caller until <paramref name="until"/>; false when another one has taken it.</summary>
    Task<bool> TryTakeAsync(Delivery delivery, DateTimeOffset until, CancellationToken ct);

    /// <summary>It arrived. What is kept of it keeps it from coming in again.</summary>
    Task ArrivedAsync(Delivery delivery, DateTimeOffset at, CancellationToken ct);

    /// <summary>It failed; it is due again at <paramref name="next"/>, or given up with its webhook when that is null.</summary>
    Task FailedAsync(Delivery delivery, DateTimeOffset at, DateTimeOffset? next, string why, CancellationToken ct);

    /// <summary>Tenants with a webhook that asks for this event.</summary>
    Task<IReadOnlyList<Id<Tenant>>> ListTenantsAsync(string name, CancellationToken ct);

    /// <summary>Forgets what arrived before; how many.</summary>
    Task<int> ForgetAsync(DateTimeOffset before, CancellationToken ct);

    Task<(long Waiting, DateTimeOffset? Oldest)> CountAsync(CancellationToken ct);
}
