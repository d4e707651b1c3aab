using System.Text;
using Insula.Tenancy.Access;
using Insula.Tenancy.Placements;

namespace Insula.Storage.Postgres;

/// <summary>The peppers in the owner's schema of the main database, where every node finds them and the runtime role does not.</summary>
internal sealed class PgPeppers(PostgresStorage storage) : IPepperStore
{
    private const string Name = "peppers";

    public string Place => $"the table {PgNames.OwnerSchema}.secrets of the database";

    public async Task<string?> ReadAsync(CancellationToken ct)
    {
        await using var owner = await OwnerAsync(ct);
        return await PgOwner.FirstAsync<byte[]>(owner, $"select value from {PgNames.OwnerSchema}.secrets where name = $1", ct, Name) is { } text ? Encoding.UTF8.GetString(text) : null;
    }

    public async Task AddAsync(string text, CancellationToken ct)
    {
        await using var owner = await OwnerAsync(ct);
        await PgOwner.RunAsync(owner, $"insert into {PgNames.OwnerSchema}.secrets (name, value) values ($1, $2)", ct, Name, Encoding.UTF8.GetBytes(text));
    }

    private async Task<Npgsql.NpgsqlConnection> OwnerAsync(CancellationToken ct)
    {
        try
        {
            return await storage.ServerOf(PlacementOptions.MainServer).OwnerAsync(ct);
        }
        catch (Npgsql.NpgsqlException error)
        {
            throw PgFaults.Map(error, PlacementOptions.MainServer);
        }
    }
}
