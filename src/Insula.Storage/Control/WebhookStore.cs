using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;

namespace Insula.Storage.Control;

internal sealed class WebhookStore(ControlDatabase control) : IWebhookStore
{
    public Task<bool> AddAsync(TenantScope scope, Webhook webhook, int max, AuditRecord record, CancellationToken ct) => control.For(scope.Tenant).WriteAsync(
        async link =>
        {
            link.Alone($"webhooks {scope.Tenant}");
            var added = await link.RunAsync(
                WebhookSql.Insert,
                ("@tenant_id", scope.Tenant.ToString()),
                ("@webhook_id", webhook.Id.ToString()),
                ("@url", webhook.Url),
                ("@events", Rows.ToNames(webhook.Events)),
                ("@pepper_version", webhook.PepperVersion),
                ("@created_at", Instant.ToNumber(webhook.CreatedAt)),
                ("@max", max));
            if (added == 0) return false;
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public Task<Webhook?> FindAsync(TenantScope scope, Id<Webhook> id, CancellationToken ct) =>
        control.For(scope.Tenant).FirstAsync(WebhookSql.Find, static row => Read(row, 0), ct, Of(scope.Tenant, id));

    public async Task<Page<Webhook>> ListAsync(TenantScope scope, PageRequest page, CancellationToken ct)
    {
        var list = $"webhooks {scope.Tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await control.For(scope.Tenant).AllAsync(
            WebhookSql.List,
            static row => Read(row, 0),
            ct,
            ("@tenant_id", scope.Tenant.ToString()),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public Task<bool> RemoveAsync(TenantScope scope, Id<Webhook> id, AuditRecord record, CancellationToken ct) => control.For(scope.Tenant).WriteAsync(
        async link =>
        {
            if (await link.RunAsync(WebhookSql.Remove, Of(scope.Tenant, id)) == 0) return false;
            link.Post(WebhookSql.RemoveDeliveries, Of(scope.Tenant, id));
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public Task<bool> EnableAsync(TenantScope scope, Id<Webhook> id, DateTimeOffset now, AuditRecord record, CancellationToken ct) => control.For(scope.Tenant).WriteAsync(
        async link =>
        {
            if (await link.RunAsync(WebhookSql.Enable, Of(scope.Tenant, id)) == 0) return false;
            link.Post(WebhookSql.Hurry, [.. Of(scope.Tenant, id), ("@now", Instant.ToNumber(now)), ("@soon", Instant.ToNumber(now + DeliverWebhooks.AttemptMax))]);
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public async Task<Page<DeliveryStanding>> ListDeliveriesAsync(TenantScope scope, Id<Webhook> id, PageRequest page, CancellationToken ct)
    {
        var list = $"deliveries {id}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await control.For(scope.Tenant).AllAsync(
            WebhookSql.Deliveries,
            static row => new DeliveryStanding(
                row.GetString(0), row.TextOrNull(1), row.Moment(2), row.GetInt32(3), row.TextOrNull(4), row.MomentOrNull(5), row.IsDBNull(5) ? row.Moment(6) : null),
            ct,
            [.. Of(scope.Tenant, id), ("@after_at", after.At), ("@after_id", after.Id), ("@limit", page.Limit + 1)]);
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id).ToText(list));
    }

    public Task PutAsync(Id<Tenant> tenant, string name, string subject, string data, DateTimeOffset at, CancellationToken ct) => control.For(tenant).WriteAsync(
        link =>
        {
            WebhookRows.Put(link, tenant, name, subject, data, at);
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<IReadOnlyList<Delivery>> ListDueAsync(DateTimeOffset now, int limit, CancellationToken ct) => await control.Platform.AllAsync(
        WebhookSql.Due,
        static row => new Delivery(Read(row, 4), row.GetString(0), row.GetString(1), row.GetInt32(2), row.Moment(3)),
        ct,
        ("@now", Instant.ToNumber(now)),
        ("@limit", limit));

    public async Task<bool> TryTakeAsync(Delivery delivery, DateTimeOffset until, CancellationToken ct) => await control.For(delivery.Webhook.Tenant).ChangeAsync(
        WebhookSql.Take, ct, [.. Of(delivery), ("@until", Instant.ToNumber(until)), ("@due_at", Instant.ToNumber(delivery.DueAt))]) == 1;

    public Task ArrivedAsync(Delivery delivery, DateTimeOffset at, CancellationToken ct) => control.For(delivery.Webhook.Tenant).WriteAsync(
        link =>
        {
            link.Post(WebhookSql.Arrived, [.. Of(delivery), ("@at", Instant.ToNumber(at))]);
            link.Post(WebhookSql.Well, Of(delivery.Webhook.Tenant, delivery.Webhook.Id));
            return ValueTask.CompletedTask;
        },
        ct);

    public Task FailedAsync(Delivery delivery, DateTimeOffset at, DateTimeOffset? next, string why, CancellationToken ct) => control.For(delivery.Webhook.Tenant).WriteAsync(
        link =>
        {
            (string, object?)[] webhook = [.. Of(delivery.Webhook.Tenant, delivery.Webhook.Id), ("@at", Instant.ToNumber(at))];
            link.Post(WebhookSql.Failing, webhook);
            link.Post(WebhookSql.Delay, [.. Of(delivery), ("@next", Instant.ToNumber(next ?? at)), ("@error", why)]);
            if (next is null) link.Post(WebhookSql.Disable, webhook);
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<IReadOnlyList<Id<Tenant>>> ListTenantsAsync(string name, CancellationToken ct) =>
        await control.Platform.AllAsync(WebhookSql.Tenants, static row => row.Id<Tenant>(0), ct, ("@event", $"|{name}|"));

    public Task<int> ForgetAsync(DateTimeOffset before, CancellationToken ct) => control.Platform.ChangeAsync(WebhookSql.Forget, ct, ("@before", Instant.ToNumber(before)));

    public Task<(long Waiting, DateTimeOffset? Oldest)> CountAsync(CancellationToken ct) =>
        control.Platform.FirstAsync(WebhookSql.Count, static row => (row.GetInt64(0), row.MomentOrNull(1)), ct);

    private static (string Name, object? Value)[] Of(Id<Tenant> tenant, Id<Webhook> webhook) => [("@tenant_id", tenant.ToString()), ("@webhook_id", webhook.ToString())];

    private static (string Name, object? Value)[] Of(Delivery delivery) => [("@tenant_id", delivery.Webhook.Tenant.ToString()), ("@delivery_id", delivery.Id)];

    private static Webhook Read(DbDataReader row, int first) => new(
        row.Id<Webhook>(first),
        row.Id<Tenant>(first + 1),
        row.GetString(first + 2),
        row.GetString(first + 3).Split('|', StringSplitOptions.RemoveEmptyEntries),
        row.GetInt32(first + 4),
        row.Moment(first + 5),
        row.MomentOrNull(first + 6),
        row.MomentOrNull(first + 7));
}
