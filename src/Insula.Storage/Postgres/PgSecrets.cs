using System.Security.Cryptography;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Random secrets of the installation, made by the first node that needs them and kept where only the owner reads.</summary>
internal static class PgSecrets
{
    /// <summary>Keys the names in wakes.</summary>
    public const string WakeKey = "wake_key";

    public static async Task<byte[]> EnsureAsync(NpgsqlConnection owner, string name, CancellationToken ct)
    {
        const int bytes = 32;
        await PgOwner.RunAsync(
            owner, $"insert into {PgNames.OwnerSchema}.secrets (name, value) values ($1, $2) on conflict (name) do nothing", ct, name, RandomNumberGenerator.GetBytes(bytes));
        return await PgOwner.FirstAsync<byte[]>(owner, $"select value from {PgNames.OwnerSchema}.secrets where name = $1", ct, name)
            ?? throw new InvalidOperationException($"The secret '{name}' vanished while it was made.");
    }
}
