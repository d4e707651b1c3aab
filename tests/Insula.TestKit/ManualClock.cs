namespace Insula.TestKit;

/// <summary>
/// Time that moves only when a test says so. Timers that fall due fire inside <see cref="Advance"/>, in order, on the
/// test's thread. The wall clock can be set apart from the monotonic one, as an operator or a time server does.
/// </summary>
public sealed class ManualClock : TimeProvider
{
    public static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // As finely as a Linux clock counts, so that rounding between the two units is under test.
    private const long NanosecondsPerTick = 100;

    private readonly Lock _sync = new();
    private readonly List<ManualTimer> _timers = [];
    private readonly List<(TimeSpan From, TimeSpan To, TaskCompletionSource Armed)> _watchers = [];
    private TimeSpan _elapsed;
    private TimeSpan _wallShift;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond * NanosecondsPerTick;

    /// <summary>Timers that are armed.</summary>
    public int TimersArmed
    {
        get
        {
            lock (_sync) return _timers.Count(static timer => timer.Due is not null);
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_sync) return Start + _elapsed + _wallShift;
    }

    public override long GetTimestamp()
    {
        lock (_sync) return _elapsed.Ticks * NanosecondsPerTick;
    }

    public void Advance(TimeSpan by)
    {
        TimeSpan end;
        lock (_sync) end = _elapsed + by;
        while (NextDue(end) is { } timer) timer.Fire();
        lock (_sync) _elapsed = end;
    }

    /// <summary>
    /// Completes when a timer is armed that falls due between these two spans from now: then the code under test waits,
    /// and moving the clock wakes it.
    /// </summary>
    public async Task TimerArmedAsync(TimeSpan from, TimeSpan to, CancellationToken ct)
    {
        var armed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_sync)
        {
            _watchers.Add((_elapsed + from, _elapsed + to, armed));
            foreach (var timer in _timers) Announce(timer.Due);
        }

        await armed.Task.WaitAsync(TimeSpan.FromSeconds(20), ct);
    }

    /// <summary>Sets the wall clock forward or back; the monotonic clock and timers do not notice.</summary>
    public void ShiftWallClock(TimeSpan by)
    {
        lock (_sync) _wallShift += by;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        lock (_sync) _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    private void Announce(TimeSpan? due)
    {
        foreach (var (_, _, armed) in _watchers.Where(w => due >= w.From && due <= w.To)) armed.TrySetResult();
        _watchers.RemoveAll(static w => w.Armed.Task.IsCompleted);
    }

    private ManualTimer? NextDue(TimeSpan end)
    {
        lock (_sync)
        {
            var next = _timers.Where(timer => timer.Due <= end).MinBy(static timer => timer.Due);
            if (next is null) return null;

            if (next.Due > _elapsed) _elapsed = next.Due.Value;
            next.Due = next.Period > TimeSpan.Zero ? next.Due + next.Period : null;
            return next;
        }
    }

    private sealed class ManualTimer(ManualClock clock, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan? Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._sync)
            {
                if (!clock._timers.Contains(this)) return false;
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : clock._elapsed + dueTime;
                Period = period;
                clock.Announce(Due);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock._sync) clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
