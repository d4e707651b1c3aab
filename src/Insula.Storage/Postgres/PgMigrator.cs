using Insula.Tenancy.Faults;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Brings a schema to what this program needs: missing steps, walls and rights in one transaction, under a lock, so that
/// several nodes may start at once and one that dies leaves nothing half done. A newer schema is accepted while every
/// step that this program does not know is an <c>expand</c>. Other programs work on the tables meanwhile, so a step never
/// queues for one for long: everybody behind it would wait too. It gives up, and comes again.
/// </summary>
internal sealed class PgMigrator(PgPatience patience, TimeProvider time)
{
    private const string Lock = "select pg_advisory_xact_lock(hashtextextended('insula migrate ' || $1, 0))";

    /// <summary>Applies what is missing; the steps applied.</summary>
    /// <param name="owner">A connection of the owner, outside a transaction, to a database that has its journal.</param>
    public async Task<IReadOnlyList<PgMigration>> ApplyAsync(NpgsqlConnection owner, PgTarget target, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAsync(owner, target, ct);
            }
            catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                if (attempt >= patience.Attempts) throw new FaultException(Busy(target.Schema, $"schema {target.Name}, attempt {attempt}: {error.MessageText}"), error);
            }

            await Task.Delay(patience.Pause, time, ct);
        }
    }

    /// <summary>How far a schema is. Only reads; throws <see cref="FaultException"/> for a schema that this program must not touch.</summary>
    public static async Task<PgState> StateAsync(NpgsqlConnection owner, string schemaName, PgSchema schema, CancellationToken ct) =>
        StateOf(schema, await PgJournal.AppliedAsync(owner, schemaName, ct));

    private async Task<IReadOnlyList<PgMigration>> TryAsync(NpgsqlConnection owner, PgTarget target, CancellationToken ct)
    {
        await using var transaction = await owner.BeginTransactionAsync(ct);
        var state = StateOf(target.Schema, await TakeTurnAsync(owner, target, ct));
        if (state.Missing.Count > 0)
        {
            await PrepareAsync(owner, target, state, ct);
            foreach (var step in state.Missing) await StepAsync(owner, target, step, ct);
            await PgWalls.RaiseAsync(owner, target.Name, target.User, ct);
        }

        await transaction.CommitAsync(ct);
        return state.Missing;
    }

    /// <summary>Waits until nobody else migrates the schema, and reads its steps then: all in one trip.</summary>
    private async Task<List<AppliedStep>> TakeTurnAsync(NpgsqlConnection owner, PgTarget target, CancellationToken ct)
    {
        // The owner's role may have limits of its own, and a step takes as long as it takes.
        await using var batch = owner.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand("set local statement_timeout = 0"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand($"set local lock_timeout = {Milliseconds(patience.TurnWait)}"));
        foreach (var sql in (string[])[Lock, PgJournal.Applied])
            batch.BatchCommands.Add(new NpgsqlBatchCommand(sql) { Parameters = { new NpgsqlParameter<string> { TypedValue = target.Name } } });
        try
        {
            await using var reader = await batch.ExecuteReaderAsync(ct);
            await reader.NextResultAsync(ct);
            List<AppliedStep> steps = [];
            while (await reader.ReadAsync(ct)) steps.Add(PgJournal.StepOf(reader));
            return steps;
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new FaultException(Busy(target.Schema, $"schema {target.Name}: somebody else migrates it"), error);
        }
    }

    /// <summary>Makes the schema and its role where they are missing, in one trip.</summary>
    private async Task PrepareAsync(NpgsqlConnection owner, PgTarget target, PgState state, CancellationToken ct)
    {
        var quoted = PgNames.Quote(target.Name);
        var forget = state.Version == 0 ? PgJournal.Forget(target.Name) : "";
        var role = target.Runtime is { } runtime ? PgRoles.SchemaRole(target.User, runtime) : "";
        await PgOwner.RunAsync(
            owner,
            $"set local lock_timeout = {Milliseconds(patience.TableWait)}; {forget} {role} create schema if not exists {quoted}; revoke all on schema {quoted} from public; set local search_path = {quoted}",
            ct);
    }

    private static async Task StepAsync(NpgsqlConnection owner, PgTarget target, PgMigration step, CancellationToken ct)
    {
        try
        {
            await PgOwner.RunAsync(owner, $"{step.Text.Sql}\n;{PgJournal.Record(target.Name, step)}", ct);
        }
        catch (PostgresException error) when (!IsPassing(error))
        {
            throw new FaultException(
                Fault.Unavailable(
                    "store_migration_failed",
                    $"The {target.Schema.Name} could not be brought up to date: step {step.Text.Name} failed and was taken back. The program before this one still works on it.",
                    $"schema {target.Name}: {error.SqlState}: {error.MessageText}"),
                error);
        }
    }

    /// <summary>Whether it is the server's state and not the step that failed.</summary>
    private static bool IsPassing(PostgresException error) =>
        error.IsTransient || error.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.QueryCanceled
        || error.SqlState.StartsWith("57P", StringComparison.Ordinal);

    private static PgState StateOf(PgSchema schema, List<AppliedStep> applied)
    {
        foreach (var (step, known) in applied.Zip(schema.Migrations))
        {
            if (step.Version == known.Text.Version && string.Equals(step.Checksum, known.Text.Checksum, StringComparison.Ordinal)) continue;
            throw new FaultException(Changed(schema, $"recorded: {step}"));
        }

        return applied.Skip(schema.Version).FirstOrDefault(static step => step.Phase != "expand") is { } beyond
            ? throw new FaultException(Newer(schema, beyond.Name))
            : new PgState(applied.Count, [.. schema.Migrations.Skip(applied.Count)]);
    }

    private static Fault Changed(PgSchema schema, string detail) => Fault.Unavailable(
        "store_migration_changed",
        $"The {schema.Name} was made by other migrations than this program has. Run the program that made it, or restore the changed migration.",
        detail);

    private static Fault Newer(PgSchema schema, string step) => Fault.Unavailable(
        "store_newer_than_program",
        $"The {schema.Name} was written by a newer Insula ({step}; this program knows up to {schema.Version}) and was left as it is. Run the newer program.");

    private static Fault Busy(PgSchema schema, string detail) => PgFaults.Later(Fault.Unavailable(
        "store_migrating", $"The {schema.Name} is being brought up to date, or waits for statements under way to be so. Try again shortly.", detail));

    private static long Milliseconds(TimeSpan limit) => (long)limit.TotalMilliseconds;
}

/// <summary>A schema to bring up to date; made when it is missing.</summary>
/// <param name="User">The role that gets its rights on the schema's tables.</param>
/// <param name="Runtime">The role that may become <paramref name="User"/>, when that is a role of the schema's own; it is made with the schema.</param>
internal sealed record PgTarget(string Name, PgSchema Schema, string User, string? Runtime = null);

/// <summary>How far a schema is.</summary>
/// <param name="Version">Steps that it has; 0 when it is not there.</param>
/// <param name="Missing">What this program would apply, oldest first.</param>
internal sealed record PgState(int Version, IReadOnlyList<PgMigration> Missing);

/// <summary>How long a migration waits for others.</summary>
/// <param name="TurnWait">For somebody else who migrates the same schema; zero for as long as it takes.</param>
/// <param name="TableWait">For a table that statements are using.</param>
/// <param name="Attempts">How often it comes again when it got no table, <paramref name="Pause"/> later.</param>
internal sealed record PgPatience(TimeSpan TurnWait, TimeSpan TableWait, int Attempts, TimeSpan Pause)
{
    /// <summary>Of a start and of upkeep: longer than the runtime role's longest statement takes.</summary>
    public static PgPatience OfUpkeep { get; } = new(TimeSpan.Zero, TimeSpan.FromSeconds(2), Attempts: 40, TimeSpan.FromSeconds(1));

    /// <summary>Of a tenant's first use, where somebody waits for an answer.</summary>
    public static PgPatience OfUse { get; } = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(2), Attempts: 3, TimeSpan.FromMilliseconds(250));
}
