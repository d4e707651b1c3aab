using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Storage.Control;

/// <summary>New items of the ledger with their days' sums, for use inside a write.</summary>
internal static class UsageRows
{
    /// <summary>Leaves out those that the ledger has; gives the others.</summary>
    public static async ValueTask<IReadOnlyList<UsageEntry>> InsertAsync(Link link, Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries)
    {
        var ids = link.Dialect == Dialect.Postgres ? await InsertAtOnceAsync(link, tenant, entries) : await InsertEachAsync(link, tenant, entries);
        List<UsageEntry> added = [.. entries.IntersectBy(ids, static entry => entry.Id, StringComparer.Ordinal)];

        // In one order, so that whoever adds to days at the same time waits and does not deadlock.
        var days = added
            .GroupBy(static entry => (Day: DateOnly.FromDateTime(entry.At.UtcDateTime), entry.Kind, entry.Name), static entry => UsageSum.Of(entry))
            .OrderBy(static day => day.Key.Day).ThenBy(static day => day.Key.Kind, StringComparer.Ordinal).ThenBy(static day => day.Key.Name, StringComparer.Ordinal);
        foreach (var day in days) AddToDay(link, tenant, day.Key.Day, day.Key.Kind, day.Key.Name, day.Aggregate(static (sum, one) => sum + one));
        return added;
    }

    private static ValueTask<List<string>> InsertAtOnceAsync(Link link, Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries) => link.AllAsync(
        UsageSql.InsertPostgres,
        static row => row.GetString(0),
        ("@tenant_id", tenant.ToString()),
        ("@usage_ids", Rows.Each(entries, static entry => entry.Id)),
        ("@at", Rows.Each(entries, static entry => Instant.ToNumber(entry.At))),
        ("@kinds", Rows.Each(entries, static entry => entry.Kind)),
        ("@names", Rows.Each(entries, static entry => entry.Name)),
        ("@agents", Rows.Each(entries, static entry => entry.Agent)),
        ("@sessions", Rows.Each(entries, static entry => entry.Session)),
        ("@runs", Rows.Each(entries, static entry => entry.Run)),
        ("@principals", Rows.Each(entries, static entry => entry.Principal)),
        ("@input_tokens", Rows.Each(entries, static entry => entry.Used.Input)),
        ("@output_tokens", Rows.Each(entries, static entry => entry.Used.Output)),
        ("@cache_read_tokens", Rows.Each(entries, static entry => entry.Used.CacheRead)),
        ("@cache_write_tokens", Rows.Each(entries, static entry => entry.Used.CacheWrite)),
        ("@reasoning_tokens", Rows.Each(entries, static entry => entry.Used.Reasoning)),
        ("@costs", Rows.Each(entries, static entry => entry.CostMicros)),
        ("@price_versions", Rows.Each(entries, static entry => entry.PriceVersion)));

    private static async ValueTask<List<string>> InsertEachAsync(Link link, Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries)
    {
        List<string> added = [];
        foreach (var entry in entries) if (await InsertAsync(link, tenant, entry) is { } id) added.Add(id);
        return added;
    }

    private static ValueTask<string?> InsertAsync(Link link, Id<Tenant> tenant, UsageEntry entry) => link.FirstAsync(
        UsageSql.InsertSqlite,
        static row => row.GetString(0),
        ("@tenant_id", tenant.ToString()),
        ("@usage_id", entry.Id),
        ("@at", Instant.ToNumber(entry.At)),
        ("@kind", entry.Kind),
        ("@name", entry.Name),
        ("@agent_id", entry.Agent),
        ("@session_id", entry.Session),
        ("@run_id", entry.Run),
        ("@principal", entry.Principal),
        ("@input_tokens", entry.Used.Input),
        ("@output_tokens", entry.Used.Output),
        ("@cache_read_tokens", entry.Used.CacheRead),
        ("@cache_write_tokens", entry.Used.CacheWrite),
        ("@reasoning_tokens", entry.Used.Reasoning),
        ("@cost_micros", entry.CostMicros ?? (object)Null.Long),
        ("@price_version", entry.PriceVersion));

    private static void AddToDay(Link link, Id<Tenant> tenant, DateOnly day, string kind, string name, UsageSum sum) => link.Post(
        UsageSql.AddToDay,
        ("@tenant_id", tenant.ToString()),
        ("@day", UsageLedger.NumberOf(day)),
        ("@kind", kind),
        ("@name", name),
        ("@items", sum.Items),
        ("@unpriced", sum.Unpriced),
        ("@input_tokens", sum.InputTokens),
        ("@output_tokens", sum.OutputTokens),
        ("@cache_read_tokens", sum.CacheReadTokens),
        ("@cache_write_tokens", sum.CacheWriteTokens),
        ("@reasoning_tokens", sum.ReasoningTokens),
        ("@cost_micros", sum.CostMicros));
}
