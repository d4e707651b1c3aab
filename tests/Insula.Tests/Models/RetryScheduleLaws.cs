using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Models;

namespace Insula.Tests.Models;

/// <summary>The laws of the waits between attempts, over every attempt, failure, wait of the server and chance.</summary>
public sealed class RetryScheduleLaws
{
    private static readonly Gen<(int Attempt, ModelException Failure, double Chance)> Cases =
        from attempt in Gen.Choose(1, 12)
        from retryable in Gen.Frequency((4, Gen.Constant(true)), (1, Gen.Constant(false)))
        from asked in Gen.Choose(-1, 60_000)
        from chance in Gen.Choose(0, 1_000)
        select (attempt, Failure(retryable, asked < 0 ? null : TimeSpan.FromMilliseconds(asked)), chance / 1_000.0);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(5_000);

    [Fact]
    public void It_gives_up_exactly_when_there_is_no_use_or_no_attempt_left() =>
        Prop.ForAll(Cases.ToArbitrary(), static c =>
            RetrySchedule.Next(c.Attempt, c.Failure, c.Chance) is null == (!c.Failure.Retryable || c.Attempt >= RetrySchedule.AttemptsMax)).Check(Many);

    [Fact]
    public void It_never_comes_back_before_the_server_asked() =>
        Prop.ForAll(Cases.ToArbitrary(), static c =>
            RetrySchedule.Next(c.Attempt, c.Failure, c.Chance) is not { } wait || wait >= (c.Failure.RetryAfter ?? TimeSpan.Zero)).Check(Many);

    [Fact]
    public void It_never_waits_much_longer_than_the_server_asked_or_the_longest_wait() =>
        Prop.ForAll(Cases.ToArbitrary(), static c =>
            RetrySchedule.Next(c.Attempt, c.Failure, c.Chance) is not { } wait
            || wait <= RetrySchedule.WaitMax
            || wait <= c.Failure.RetryAfter + RetrySchedule.WaitBase).Check(Many);

    [Fact]
    public void Without_a_word_of_the_server_the_shortest_wait_doubles_and_chance_at_most_doubles_it()
    {
        for (var attempt = 1; attempt < RetrySchedule.AttemptsMax; attempt++)
        {
            var shortest = RetrySchedule.Next(attempt, Failure(true, null), 0);
            Assert.Equal(RetrySchedule.WaitBase / 2 * Math.Pow(2, attempt - 1), shortest);
            Assert.Equal(shortest * 2, RetrySchedule.Next(attempt, Failure(true, null), 1));
        }
    }

    private static ModelException Failure(bool retryable, TimeSpan? after) => new(ModelFailure.Overloaded, "planned", retryable, after);
}
