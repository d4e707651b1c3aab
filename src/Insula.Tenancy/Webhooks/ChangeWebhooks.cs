using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Time;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Webhooks;

/// <summary>A new webhook with its secret, which is shown only here.</summary>
public sealed record CreatedWebhook(Webhook Webhook, Secret Secret);

/// <summary>A tenant's administrator says where events are told.</summary>
public sealed class CreateWebhook(IWebhookStore store, WebhookSecrets secrets, WebhookAddress addresses, TimeProvider time)
{
    public const int WebhooksMax = 20;

    /// <param name="events">Null for all.</param>
    public async Task<Result<CreatedWebhook>> RunAsync(TenantScope scope, string url, IReadOnlyList<string>? events, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (addresses.Check(url) is { } refused) return refused;
        List<string> names = [.. (events ?? WebhookEvents.All).Distinct(StringComparer.Ordinal)];
        if (names.Count == 0) return Fault.Invalid("events", $"events must name at least one of {string.Join(", ", WebhookEvents.All)}, or be left out for all.");
        if (names.Find(static name => !WebhookEvents.All.Contains(name)) is { } unknown)
        {
            return Fault.Invalid("events", $"There is no event of that name. {NearestName.Suggest(unknown, [.. WebhookEvents.All])}");
        }

        var now = time.NowInMicroseconds();
        var webhook = new Webhook(Id<Webhook>.New(), scope.Tenant, url, names, secrets.CurrentVersion, now, null, null);
        var record = new AuditRecord(scope.Tenant, scope.Principal, "webhook.create", webhook.Id.ToString(), string.Join(", ", names), now);
        return await store.AddAsync(scope, webhook, WebhooksMax, record, ct)
            ? new CreatedWebhook(webhook, secrets.Of(webhook)!)
            : Fault.OverLimit("too_many_webhooks", $"The tenant has {WebhooksMax} webhooks, which is the most that it may have. Delete one first.");
    }
}

/// <summary>Looks at a tenant's webhooks, ends one, or lets one that was disabled receive again.</summary>
public sealed class ManageWebhooks(IWebhookStore store, TimeProvider time)
{
    private static readonly Fault NotFound = Fault.NotFound("webhook");

    public async Task<Result<Page<Webhook>>> ListAsync(TenantScope scope, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await store.ListAsync(scope, page, ct);

    public async Task<Result<Webhook>> ShowAsync(TenantScope scope, Id<Webhook> id, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await store.FindAsync(scope, id, ct) is { } found ? found : NotFound;

    public async Task<Result<Done>> DeleteAsync(TenantScope scope, Id<Webhook> id, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        return await store.RemoveAsync(scope, id, Record(scope, "webhook.delete", id), ct) ? default(Done) : NotFound;
    }

    public async Task<Result<Webhook>> EnableAsync(TenantScope scope, Id<Webhook> id, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        return await store.EnableAsync(scope, id, time.GetUtcNow(), Record(scope, "webhook.enable", id), ct) && await store.FindAsync(scope, id, ct) is { } found ? found : NotFound;
    }

    public async Task<Result<Page<DeliveryStanding>>> DeliveriesAsync(TenantScope scope, Id<Webhook> id, PageRequest page, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        return await store.FindAsync(scope, id, ct) is null ? NotFound : await store.ListDeliveriesAsync(scope, id, page, ct);
    }

    private AuditRecord Record(TenantScope scope, string action, Id<Webhook> id) => new(scope.Tenant, scope.Principal, action, id.ToString(), null, time.NowInMicroseconds());
}
