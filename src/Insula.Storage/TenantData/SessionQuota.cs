using System.Collections.Concurrent;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Quotas;

namespace Insula.Storage.TenantData;

/// <summary>
/// The number of a tenant's sessions, in a row of its own: reserved by one conditional statement in the transaction that adds
/// the session, and given back in the one that removes it. Each process counts anew when it first adds a session of a
/// tenant, so what a program before this one did not count, or a repair by hand changed, is put right by a restart.
/// </summary>
internal sealed class SessionQuota
{
    private const string Kind = "sessions";

    private const int KnownMax = 100_000;

    /// <summary>Tenants whose row this process made or counted anew. Emptied when it grows too large.</summary>
    private readonly ConcurrentDictionary<string, bool> _counted = new(StringComparer.Ordinal);

    /// <summary>Takes one; the refusal when there is none to take.</summary>
    public async ValueTask<Fault?> ReserveAsync(Link link, string tenant, long max)
    {
        if (_counted.ContainsKey(tenant) && await TryAsync(link, tenant, max)) return null;

        // Behind the row's lock, where the answer is certain: another unit may be making the row at this moment.
        var made = await link.RunAsync(QuotaSql.Ensure, Key(tenant)) > 0;
        await link.LockAsync(QuotaSql.Find, static row => row.GetInt64(0), Key(tenant));
        if (made || !_counted.ContainsKey(tenant))
        {
            link.Post(QuotaSql.RecountSessions, Key(tenant));
            if (_counted.Count >= KnownMax) _counted.Clear();
            _counted[tenant] = true;
        }

        if (await TryAsync(link, tenant, max)) return null;
        return QuotaFaults.Full(Kind, await FindAsync(link, tenant) ?? 0, max, "Delete one that is not needed");
    }

    public static void Release(Link link, string tenant) => link.Post(QuotaSql.Release, Key(tenant));

    private static async ValueTask<bool> TryAsync(Link link, string tenant, long max) => await link.RunAsync(QuotaSql.Reserve, [.. Key(tenant), ("@max", max)]) > 0;

    private static ValueTask<long?> FindAsync(Link link, string tenant) => link.FirstAsync(QuotaSql.Find, static row => (long?)row.GetInt64(0), Key(tenant));

    private static (string Name, object? Value)[] Key(string tenant) => [("@tenant_id", tenant), ("@kind", Kind)];
}
