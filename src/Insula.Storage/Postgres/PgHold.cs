using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// A lock by name that a connection holds outside of any transaction, and that connection. A node that dies gives it back.
/// Held in one database: nodes that share it agree on it.
/// </summary>
internal sealed class PgHold : IAsyncDisposable
{
    private readonly NpgsqlConnection _owner;
    private readonly string _name;

    private PgHold(NpgsqlConnection owner, string name)
    {
        _owner = owner;
        _name = name;
    }

    public NpgsqlConnection Owner => _owner;

    /// <summary>Waits for the lock.</summary>
    public static async Task<PgHold> TakeAsync(PgServer server, string name, CancellationToken ct) =>
        (await TakeAsync(server, name, "select pg_advisory_lock(hashtextextended($1, 0)) is not null", ct))!;

    /// <summary>Null while somebody else has it.</summary>
    public static Task<PgHold?> TryTakeAsync(PgServer server, string name, CancellationToken ct) =>
        TakeAsync(server, name, "select pg_try_advisory_lock(hashtextextended($1, 0))", ct);

    public async ValueTask DisposeAsync()
    {
        try
        {
            // By hand: a connection that goes back to its pool keeps its locks until somebody takes it out.
            await PgOwner.RunAsync(_owner, "select pg_advisory_unlock(hashtextextended($1, 0))", CancellationToken.None, _name);
        }
        catch (Exception error) when (error is NpgsqlException or InvalidOperationException)
        {
            // The connection is gone, and its locks with it.
        }

        await _owner.DisposeAsync();
    }

    private static async Task<PgHold?> TakeAsync(PgServer server, string name, string take, CancellationToken ct)
    {
        var owner = await server.OwnerAsync(ct);
        try
        {
            if (await PgOwner.FirstAsync<bool>(owner, take, ct, name)) return new PgHold(owner, name);
        }
        catch
        {
            await owner.DisposeAsync();
            throw;
        }

        await owner.DisposeAsync();
        return null;
    }
}
