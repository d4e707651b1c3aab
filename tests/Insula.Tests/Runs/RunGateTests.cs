using Insula.Agents.Runs;

namespace Insula.Tests.Runs;

public sealed class RunGateTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_gate_lets_in_as_many_as_the_limit_and_the_next_when_one_leaves()
    {
        var gate = new RunGate();
        await gate.EnterAsync(2, Ct);
        await gate.EnterAsync(2, Ct);
        var third = gate.EnterAsync(2, Ct);
        Assert.False(third.IsCompleted);
        gate.Exit();
        await third;
    }

    [Fact]
    public async Task Those_who_wait_come_in_in_the_order_they_came()
    {
        var gate = new RunGate();
        await gate.EnterAsync(1, Ct);
        var second = gate.EnterAsync(1, Ct);
        var third = gate.EnterAsync(1, Ct);
        gate.Exit();
        await second;
        Assert.False(third.IsCompleted);
        gate.Exit();
        await third;
    }

    [Fact]
    public async Task Who_gives_up_waiting_takes_no_place()
    {
        var gate = new RunGate();
        await gate.EnterAsync(1, Ct);
        using var impatient = new CancellationTokenSource();
        var leaving = gate.EnterAsync(1, impatient.Token);
        var patient = gate.EnterAsync(1, Ct);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        gate.Exit();
        await patient;
    }

    [Fact]
    public async Task A_raised_limit_lets_those_in_who_wait()
    {
        var gate = new RunGate();
        await gate.EnterAsync(1, Ct);
        var second = gate.EnterAsync(1, Ct);
        await gate.EnterAsync(3, Ct);
        await second;
    }
}
