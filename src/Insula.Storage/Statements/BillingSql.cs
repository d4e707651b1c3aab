namespace Insula.Storage.Statements;

/// <summary>Customers of the billing provider, and reports on their way to it.</summary>
internal static class BillingSql
{
    public const string FindCustomer = "select customer from billing_customers where tenant_id = @tenant_id";

    /// <summary>A tenant that changes its customer goes on from what was reported.</summary>
    public const string PutCustomer =
        $"""
        insert into billing_customers (tenant_id, customer, reported_micros)
        select @tenant_id, @customer, {Total} where 1 = 1
        on conflict (tenant_id) do update set customer = excluded.customer
        """;

    public const string RemoveCustomer = "delete from billing_customers where tenant_id = @tenant_id";

    public const string Customers = "select tenant_id, customer, reported_micros from billing_customers order by tenant_id";

    public const string Owed = $"select {Total} - c.reported_micros from billing_customers c where c.tenant_id = @tenant_id and c.customer = @customer";

    public const string Insert =
        "insert into meter_events (tenant_id, event_id, customer, value, at, due_at, attempts) values (@tenant_id, @event_id, @customer, @value, @at, @at, 0)";

    public const string Advance = "update billing_customers set reported_micros = reported_micros + @value where tenant_id = @tenant_id";

    public const string Due =
        """
        select tenant_id, event_id, customer, value, at, attempts, due_at from meter_events
        where due_at <= @now and sent_at is null and (begun_at is null or begun_at > @begun_after)
        order by due_at
        limit @limit
        """;

    public const string Take =
        """
        update meter_events set due_at = @until, attempts = attempts + 1, begun_at = coalesce(begun_at, @now)
        where tenant_id = @tenant_id and event_id = @event_id and due_at = @due_at and sent_at is null
        """;

    public const string Sent = "update meter_events set sent_at = @at, error = null where tenant_id = @tenant_id and event_id = @event_id";

    public const string Failed = "update meter_events set due_at = @next, error = @error where tenant_id = @tenant_id and event_id = @event_id and sent_at is null";

    public const string Count =
        "select count(*), coalesce(sum(case when begun_at <= @begun_after then 1 else 0 end), 0) from meter_events where sent_at is null";

    private const string Total = "(select coalesce(cast(sum(d.cost_micros) as bigint), 0) from ledger_days d where d.tenant_id = @tenant_id)";
}
