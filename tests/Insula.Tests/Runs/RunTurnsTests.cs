using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Tests.Runs;

public sealed class RunTurnsTests
{
    private readonly ManualClock _clock = new();
    private readonly Id<Tenant> _tenant = Id<Tenant>.New();
    private readonly RunTurns _turns;

    public RunTurnsTests() => _turns = new RunTurns(workersMax: 1, _clock);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_is_taken_by_the_next_when_it_is_given_back()
    {
        var first = await EnterAsync(NewSession());
        var (second, third) = (EnterAsync(NewSession()), EnterAsync(NewSession()));
        Assert.False(second.IsCompleted);
        Assert.Equal(0, _turns.Of(_tenant).Free);
        first.Dispose();
        using var turn = await second;
        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task Who_gives_up_waiting_takes_no_worker()
    {
        var first = await EnterAsync(NewSession());
        using var impatient = new CancellationTokenSource();
        var leaving = _turns.EnterAsync(NewSession(), new RunShare(10), 0, _clock.GetUtcNow(), impatient.Token);
        var patient = EnterAsync(NewSession());
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        first.Dispose();
        using var turn = await patient;
    }

    [Fact]
    public async Task One_that_is_woken_with_a_priority_while_it_waits_goes_before_the_others()
    {
        var first = await EnterAsync(NewSession());
        var urgent = NewSession();
        var (ordinary, raised) = (EnterAsync(NewSession()), EnterAsync(urgent));
        _turns.Raise(urgent, priority: 1);
        _turns.Raise(urgent, priority: -3);
        first.Dispose();
        using var turn = await raised;
        Assert.False(ordinary.IsCompleted);
    }

    [Fact]
    public async Task What_a_turn_costs_is_how_long_it_was_held()
    {
        for (var i = 0; i < 100; i++)
        {
            using var turn = await EnterAsync(NewSession());
            _clock.Advance(TimeSpan.FromSeconds(7));
        }

        Assert.InRange(_turns.Of(_tenant).Cost, 6.9, 7);
    }

    private QueuedSession NewSession() => new(_tenant, Id<Session>.New());

    private Task<RunTurns.Turn> EnterAsync(QueuedSession session) => _turns.EnterAsync(session, new RunShare(10), 0, _clock.GetUtcNow(), Ct);
}
