using System.Data;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Lets statements of one principal that are whole units share a transaction, and with it its trip and its flush: while
/// <see cref="TogetherMax"/> transactions of a principal are under way, what comes waits, and the next one takes all that
/// waits. Who comes alone waits for nobody. Two principals never share one.
/// <para>
/// A statement that fails takes the whole transaction back, so then each of them is made again by itself, and only the one
/// at fault fails. What a transaction locks it locks in one order, so that two of them do not wait for each other.
/// </para>
/// </summary>
internal sealed class SharedCommits(WarmConnections connections, ConnectionGate gate, string server)
{
    private const int TogetherMax = 2;
    private const int StatementsMax = 32;

    private readonly Dictionary<PgScope, Lane> _lanes = [];

    /// <summary>
    /// The row that the statement answers with, or the default; durable when the task ends. A caller that cancels learns
    /// nothing: the statement may have been made.
    /// </summary>
    /// <param name="locks">What the statement locks first.</param>
    /// <param name="statement">Makes the statement, anew for each attempt: one that was tried is bound to its connection.</param>
    public async Task<T?> RunAsync<T>(PgScope scope, string locks, Func<NpgsqlBatchCommand> statement, Func<DbDataReader, T> map, CancellationToken ct)
    {
        var unit = new Unit<T>(locks, statement, map);
        if (Enter(scope, unit)) _ = GoOnAsync(scope);
        return await unit.Done.WaitAsync(ct);
    }

    /// <summary>Whether the caller has to see to it that what waits is made.</summary>
    private bool Enter(PgScope scope, Unit unit)
    {
        lock (_lanes)
        {
            if (!_lanes.TryGetValue(scope, out var lane)) _lanes[scope] = lane = new Lane();
            lane.Waiting.Enqueue(unit);
            if (lane.UnderWay == TogetherMax) return false;
            lane.UnderWay++;
            return true;
        }
    }

    /// <summary>What waits, or nothing; then one transaction fewer is under way.</summary>
    private List<Unit> Take(PgScope scope)
    {
        lock (_lanes)
        {
            var lane = _lanes[scope];
            List<Unit> units = [];
            while (units.Count < StatementsMax && lane.Waiting.TryDequeue(out var unit)) units.Add(unit);
            if (units.Count == 0 && --lane.UnderWay == 0) _lanes.Remove(scope);
            return units;
        }
    }

    private async Task GoOnAsync(PgScope scope)
    {
        var units = Take(scope);
        while (units.Count > 0)
        {
            units.Sort(static (a, b) => string.CompareOrdinal(a.Locks, b.Locks));
            var failures = await MakeAllAsync(scope, units);
            var next = Take(scope);

            // Whoever waited may go on for long before it waits again: on this thread only if nothing else is to be done here.
            for (var i = 0; i < units.Count; i++) units[i].End(failures?[i], here: next.Count == 0 && i == units.Count - 1);
            units = next;
        }
    }

    /// <summary>Why each failed; null when none did.</summary>
    private async Task<IReadOnlyList<Exception?>?> MakeAllAsync(PgScope scope, List<Unit> units)
    {
        if (await TryAsync(scope, units) is not { } failure) return null;
        if (units.Count == 1 || failure is not PostgresException) return [.. units.Select(_ => PgFaults.Map(failure, server))];
        List<Exception?> failures = [];
        foreach (var unit in units) failures.Add(await TryAsync(scope, [unit]) is { } own ? PgFaults.Map(own, server) : null);
        return failures;
    }

    /// <summary>Makes the statements in one transaction; why nothing was written, or may have been.</summary>
    private async Task<Exception?> TryAsync(PgScope scope, IReadOnlyList<Unit> units)
    {
        try
        {
            using var turn = await gate.EnterAsync(scope.Tenant, CancellationToken.None);
            return await connections.UseAsync<Exception?>(
                async connection =>
                {
                    try
                    {
                        await MakeAsync(connection, scope, units);
                        return null;
                    }
                    catch (PostgresException) when (connection.State == ConnectionState.Open)
                    {
                        // The driver takes a statement for prepared that came after the one at fault, which the server passed over.
                        connection.UnprepareAll();
                        throw;
                    }
                },
                CancellationToken.None);
        }
        catch (Exception failure)
        {
            return failure;
        }
    }

    private static async Task MakeAsync(NpgsqlConnection connection, PgScope scope, IReadOnlyList<Unit> units)
    {
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(PgLink.SetScope(scope, writes: true));
        foreach (var unit in units) batch.BatchCommands.Add(unit.Statement());
        await using var reader = await batch.ExecuteReaderAsync();
        foreach (var unit in units)
        {
            await reader.NextResultAsync();
            unit.Read(await reader.ReadAsync() ? reader : null);
        }

        // To the end, where a commit that failed says so.
        await reader.NextResultAsync();
    }

    /// <summary>What one principal waits for; guarded by the lock on the lanes.</summary>
    private sealed class Lane
    {
        public Queue<Unit> Waiting { get; } = [];

        public int UnderWay { get; set; }
    }

    private abstract class Unit(string locks, Func<NpgsqlBatchCommand> statement)
    {
        public string Locks => locks;

        public NpgsqlBatchCommand Statement() => statement();

        /// <summary>Takes the answer; it is told when the transaction is durable.</summary>
        public abstract void Read(DbDataReader? row);

        /// <param name="here">Whether whoever waits may go on on this thread.</param>
        public void End(Exception? failure, bool here)
        {
            if (here) Tell(failure);
            else ThreadPool.UnsafeQueueUserWorkItem(static end => end.Unit.Tell(end.Failure), (Unit: this, Failure: failure), preferLocal: false);
        }

        protected abstract void Tell(Exception? failure);
    }

    private sealed class Unit<T>(string locks, Func<NpgsqlBatchCommand> statement, Func<DbDataReader, T> map) : Unit(locks, statement)
    {
        private readonly TaskCompletionSource<T?> _done = new();
        private T? _answer;

        public Task<T?> Done => _done.Task;

        public override void Read(DbDataReader? row) => _answer = row is null ? default : map(row);

        protected override void Tell(Exception? failure)
        {
            if (failure is null) _done.TrySetResult(_answer);
            else _done.TrySetException(failure);
        }
    }
}
