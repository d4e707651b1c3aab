namespace Insula.Agents.Runs;

/// <summary>Lets at most so many in at once, first come first served. The limit is given at each entry, since a plan may change under way.</summary>
internal sealed class RunGate
{
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private int _inside;
    private int _limit;

    /// <summary>Waits for a place; when the token ends first, no place is taken.</summary>
    public async Task EnterAsync(int limit, CancellationToken ct)
    {
        LinkedListNode<TaskCompletionSource> place;
        lock (_lock)
        {
            _limit = limit;
            if (_inside < _limit && _waiting.Count == 0)
            {
                _inside++;
                return;
            }

            place = _waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            Admit();
        }

        await using var registration = ct.Register(() => Abandon(place, ct));
        await place.Value.Task;
    }

    public void Exit()
    {
        lock (_lock)
        {
            _inside--;
            Admit();
        }
    }

    private void Admit()
    {
        while (_inside < _limit && _waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            _inside++;
            first.Value.SetResult();
        }
    }

    private void Abandon(LinkedListNode<TaskCompletionSource> place, CancellationToken ct)
    {
        lock (_lock)
        {
            // Out of the list means admitted: the place is taken and will be given back by its owner.
            if (place.List is null) return;
            _waiting.Remove(place);
        }

        place.Value.SetCanceled(ct);
    }
}
