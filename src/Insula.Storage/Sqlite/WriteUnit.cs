namespace Insula.Storage.Sqlite;

/// <summary>
/// One caller's work inside a batch. <see cref="Run"/> happens in a savepoint of its own; the caller hears of it only by
/// <see cref="Complete"/>, after the batch's commit is on disk.
/// </summary>
internal abstract class WriteUnit(CancellationToken ct)
{
    public CancellationToken Cancellation { get; } = ct;

    public abstract void Run(SqliteLink link);

    /// <summary>Tells the caller what <see cref="Run"/> gave.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception error);

    public abstract void Cancel();
}

internal sealed class WriteUnit<T>(Func<SqliteLink, T> work, CancellationToken ct) : WriteUnit(ct)
{
    // Continuations run elsewhere: a caller's next step must not hold up a disk thread.
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T _result = default!;

    public Task<T> Task => _done.Task;

    public override void Run(SqliteLink link) => _result = work(link);

    public override void Complete() => _done.SetResult(_result);

    public override void Fail(Exception error) => _done.SetException(error);

    public override void Cancel() => _done.SetCanceled(Cancellation);
}
