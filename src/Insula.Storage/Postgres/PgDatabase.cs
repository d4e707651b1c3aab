using Insula.Storage.Engine;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// A database as one principal: connections of one pool, let in by one gate, each unit under one scope. When the server
/// went away, every connection of the pool is dead and none knows it; the driver empties the pool when the first unit
/// finds out. A read is then made once more, on a fresh connection; a write is not, since its commit may have happened.
/// </summary>
internal sealed class PgDatabase(PgPool pool, PgScope scope) : Database
{
    public override Dialect Dialect => Dialect.Postgres;

    public override async Task<T> ReadAsync<T>(Func<Link, ValueTask<T>> read, CancellationToken ct)
    {
        using var turn = await pool.Gate.EnterAsync(scope.Tenant, ct);
        try
        {
            try
            {
                return await MadeAsync();
            }
            catch (Exception error) when (PgFaults.IsLost(error) && !ct.IsCancellationRequested)
            {
                return await MadeAsync();
            }
        }
        catch (Exception error)
        {
            throw Mapped(error, ct);
        }

        Task<T> MadeAsync() => pool.Connections.UseAsync(connection => read(new PgLink(connection, scope, writes: false, ct)), ct);
    }

    public override async Task<T> WriteAsync<T>(Func<Link, ValueTask<T>> work, CancellationToken ct)
    {
        using var turn = await pool.Gate.EnterAsync(scope.Tenant, ct);
        try
        {
            return await pool.Connections.UseAsync(
                async connection =>
                {
                    var link = new PgLink(connection, scope, writes: true, ct);
                    var result = await work(link);
                    await link.CommitAsync();
                    return result;
                },
                ct);
        }
        catch (Exception error)
        {
            throw Mapped(error, ct);
        }
    }

    public override Task<int> ChangeAsync(string sql, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values) => ChangeAsync(sql, values.ToArray(), ct);

    public override Task<T?> AnswerAsync<T>(string sql, Func<DbDataReader, T> map, string locks, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default
    {
        var (text, given) = (PgText.Of(sql, values).Sql, values.ToArray());
        return pool.Commits.RunAsync(scope, locks, () => PgLink.Command(text, given), map, ct);
    }

    private async Task<int> ChangeAsync(string sql, (string Name, object? Value)[] values, CancellationToken ct)
    {
        using var turn = await pool.Gate.EnterAsync(scope.Tenant, ct);
        try
        {
            return await pool.Connections.UseAsync(connection => new PgLink(connection, scope, writes: true, ct).ChangeAsync(sql, values), ct);
        }
        catch (Exception error)
        {
            throw Mapped(error, ct);
        }
    }

    // A unit that was cancelled reports that, however the driver says it.
    private Exception Mapped(Exception error, CancellationToken ct) =>
        ct.IsCancellationRequested && error is NpgsqlException ? new OperationCanceledException("The unit of work was cancelled.", error, ct) : PgFaults.Map(error, pool.Server);
}
