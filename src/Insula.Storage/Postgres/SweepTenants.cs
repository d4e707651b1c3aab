using Insula.Tenancy.Faults;

namespace Insula.Storage.Postgres;

/// <summary>
/// One pass over all tenants' own schemas and databases that lack a step, a few at a time. What is done is what their
/// journals say, so a pass that was cut short is gone on with by the next one, on any node. One that fails is recorded and
/// passed over; a tenant's first use may migrate it meanwhile, and then there is nothing left to do.
/// </summary>
internal sealed class SweepTenants(IEnumerable<PgServer> servers)
{
    private const int AtOnce = 2;

    private readonly IReadOnlyList<PgServer> _servers = [.. servers];

    public async Task<BehindCount> CountAsync(CancellationToken ct)
    {
        var all = default(BehindCount);
        foreach (var server in _servers)
        {
            try
            {
                all += await server.Places(PgPatience.OfUpkeep).CountBehindAsync(ct);
            }
            catch (FaultException)
            {
                all += new BehindCount(0, 0, ServersAway: 1);
            }
        }

        return all;
    }

    /// <summary>Throws <see cref="FaultException"/> when a server does not answer; the others are done first.</summary>
    /// <param name="swept">Told of each place, by several threads.</param>
    public async Task RunAsync(Action<SweptPlace> swept, CancellationToken ct)
    {
        FaultException? away = null;
        foreach (var server in _servers)
        {
            try
            {
                await RunAsync(server, swept, ct);
            }
            catch (Exception error) when (PgFaults.Map(error, server.Name) is FaultException known)
            {
                away = known;
            }
        }

        if (away is not null) throw away;
    }

    private static async Task RunAsync(PgServer server, Action<SweptPlace> swept, CancellationToken ct)
    {
        var places = server.Places(PgPatience.OfUpkeep);
        await Parallel.ForEachAsync(
            places.BehindAsync(ct),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct },
            async (place, ct) =>
            {
                var failure = await TryAsync(places, place, ct);
                // Fails when the server itself is away, and that ends the pass over it.
                await places.RecordAsync(place, failure, ct);
                swept(new SweptPlace(server.Name, place, failure));
            });
    }

    private static async Task<Fault?> TryAsync(PgPlaces places, PgPlace place, CancellationToken ct)
    {
        try
        {
            await places.EnsureAsync(place, ct);
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
        catch (Npgsql.PostgresException error)
        {
            return Fault.Unavailable("store_unusable", "This tenant's store cannot be opened for migration.", $"{error.SqlState}: {error.MessageText}");
        }
    }
}

/// <param name="Failure">Why it could not be migrated, or null.</param>
internal sealed record SweptPlace(string Server, PgPlace Place, Fault? Failure);
