namespace Insula.Storage.Statements;

/// <summary>Webhooks and what is on its way to them.</summary>
internal static class WebhookSql
{
    public const string Insert =
        """
        insert into webhooks (tenant_id, webhook_id, url, events, pepper_version, created_at)
        select @tenant_id, @webhook_id, @url, @events, @pepper_version, @created_at
        where (select count(*) from webhooks w where w.tenant_id = @tenant_id) < @max
        """;

    public const string Find = $"select {Columns} from webhooks where tenant_id = @tenant_id and webhook_id = @webhook_id";

    public const string List =
        $"select {Columns} from webhooks where tenant_id = @tenant_id and (created_at, webhook_id) < (@after_at, @after_id) order by created_at desc, webhook_id desc limit @limit";

    public const string RemoveDeliveries = "delete from webhook_deliveries where tenant_id = @tenant_id and webhook_id = @webhook_id";

    public const string Remove = "delete from webhooks where tenant_id = @tenant_id and webhook_id = @webhook_id";

    public const string Enable = "update webhooks set disabled_at = null, failing_since = null where tenant_id = @tenant_id and webhook_id = @webhook_id";

    /// <summary>
    /// What is under way at this moment is left alone: it is due at the end of its attempt. The sum keeps the plan from the
    /// index of what is due, which is everybody's.
    /// </summary>
    public const string Hurry =
        "update webhook_deliveries set due_at = @now where tenant_id = @tenant_id and webhook_id = @webhook_id and arrived_at is null and due_at + 0 > @soon";

    public const string Deliveries =
        """
        select delivery_id, event, created_at, attempts, error, arrived_at, due_at from webhook_deliveries
        where tenant_id = @tenant_id and webhook_id = @webhook_id and (created_at, delivery_id) < (@after_at, @after_id)
        order by created_at desc, delivery_id desc
        limit @limit
        """;

    /// <summary>A delivery for each webhook that asks for the event; one that is or was there already is left alone.</summary>
    public const string Put =
        """
        insert into webhook_deliveries (tenant_id, delivery_id, webhook_id, body, created_at, due_at, attempts, event)
        select @tenant_id, 'msg_' || substr(w.webhook_id, 5) || '_' || cast(@digest as text), w.webhook_id,
          '{"id":"msg_' || substr(w.webhook_id, 5) || '_' || cast(@digest as text) || '",' || cast(@rest as text), @at, @at, 0, cast(@name as text)
        from webhooks w
        where w.tenant_id = @tenant_id and w.disabled_at is null and w.created_at <= @at and replace(w.events, @event, '') <> w.events
        on conflict (tenant_id, delivery_id) do nothing
        """;

    public const string Due =
        """
        select d.delivery_id, d.body, d.attempts, d.due_at, w.webhook_id, w.tenant_id, w.url, w.events, w.pepper_version, w.created_at, w.failing_since, w.disabled_at
        from webhook_deliveries d join webhooks w on w.tenant_id = d.tenant_id and w.webhook_id = d.webhook_id
        where d.due_at <= @now and d.arrived_at is null and w.disabled_at is null
        order by d.due_at
        limit @limit
        """;

    public const string Take =
        "update webhook_deliveries set due_at = @until, attempts = attempts + 1 where tenant_id = @tenant_id and delivery_id = @delivery_id and due_at = @due_at and arrived_at is null";

    /// <summary>What is kept is the id, which keeps the event from coming in again.</summary>
    public const string Arrived = "update webhook_deliveries set arrived_at = @at, body = '' where tenant_id = @tenant_id and delivery_id = @delivery_id";

    public const string Well = "update webhooks set failing_since = null where tenant_id = @tenant_id and webhook_id = @webhook_id and failing_since is not null";

    public const string Delay = "update webhook_deliveries set due_at = @next, error = @error where tenant_id = @tenant_id and delivery_id = @delivery_id and arrived_at is null";

    public const string Failing = "update webhooks set failing_since = coalesce(failing_since, @at) where tenant_id = @tenant_id and webhook_id = @webhook_id";

    public const string Disable = "update webhooks set disabled_at = @at where tenant_id = @tenant_id and webhook_id = @webhook_id and disabled_at is null";

    public const string Tenants = "select distinct tenant_id from webhooks where disabled_at is null and replace(events, @event, '') <> events order by tenant_id";

    public const string Forget = "delete from webhook_deliveries where created_at < @before";

    public const string Count =
        """
        select count(*), min(d.created_at) from webhook_deliveries d join webhooks w on w.tenant_id = d.tenant_id and w.webhook_id = d.webhook_id
        where d.arrived_at is null and w.disabled_at is null
        """;

    private const string Columns = "webhook_id, tenant_id, url, events, pepper_version, created_at, failing_since, disabled_at";
}
