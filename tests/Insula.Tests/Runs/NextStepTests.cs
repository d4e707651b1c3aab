using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>The worker's decisions, each from a log written by hand.</summary>
public sealed class NextStepTests
{
    private const int StepsMax = 10;

    private static readonly RunLimits Limits = new(StepsMax, TimeSpan.FromHours(1), Tokens: 1000, Repeats: 20, TimeSpan.FromDays(7));

    private readonly HashSet<Id<SessionEvent>> _pending = [];

    private readonly LogBuilder _log = new();

    [Fact]
    public void An_empty_log_gives_nothing_to_do() => Assert.IsType<NextStep.Nothing>(Decide());

    [Fact]
    public void A_message_starts_a_run_with_all_input_that_waits()
    {
        _log.UserSays("one", taken: false).UserSays("two", taken: false);
        Assert.Equal(2, Assert.IsType<NextStep.Start>(Decide()).Input.Count);
    }

    [Fact]
    public void A_run_that_has_begun_owes_a_model_call()
    {
        _log.UserSays("hello").Runs();
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void A_request_whose_answer_was_lost_is_closed_and_then_asked_again()
    {
        _log.UserSays("hello").Runs().Asks(out var request);
        Assert.Equal(request, Assert.IsType<NextStep.CloseLostRequest>(Decide()).Request);
        _log.Answered(request, isError: true);
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void Allowed_calls_run_in_the_order_of_the_log_and_then_the_model_is_asked()
    {
        _log.UserSays("hello").Runs().Asks(out var request)
            .Calls("a", AgentToolUse.Allow, out var first).Calls("b", AgentToolUse.Allow, out var second).Answered(request);
        Assert.Equal(first, Assert.IsType<NextStep.RunTool>(Decide()).Call.Id);
        _log.Result(first, "1");
        Assert.Equal(second, Assert.IsType<NextStep.RunTool>(Decide()).Call.Id);
        _log.Result(second, "2");
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void A_call_that_policy_denies_is_refused_without_running()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("bash", AgentToolUse.Deny, out var call).Answered(request);
        Assert.Equal(call, Assert.IsType<NextStep.RefuseTool>(Decide()).Call.Id);
    }

    [Fact]
    public void Calls_that_need_a_person_or_the_client_stop_the_run_until_they_are_answered()
    {
        _log.UserSays("hello").Runs().Asks(out var request)
            .Calls("a", AgentToolUse.Ask, out var asks).CallsClient("b", out var custom).Answered(request);
        Assert.Equal([asks, custom], Assert.IsType<NextStep.Wait>(Decide()).On);
        _log.Idles(StopReason.RequiresAction([asks, custom]));
        Assert.IsType<NextStep.Nothing>(Decide());

        _log.Confirms(asks, UserToolConfirmation.Allow);
        Assert.Single(Assert.IsType<NextStep.Resume>(Decide()).Input);
    }

    [Fact]
    public void Answering_one_of_two_calls_runs_it_and_waits_for_the_other()
    {
        _log.UserSays("hello").Runs().Asks(out var request)
            .Calls("a", AgentToolUse.Ask, out var asks).CallsClient("b", out var custom).Answered(request)
            .Idles(StopReason.RequiresAction([asks, custom]))
            .Confirms(asks, UserToolConfirmation.Allow, taken: true).Runs();
        Assert.Equal(asks, Assert.IsType<NextStep.RunTool>(Decide()).Call.Id);
        _log.Result(asks, "done");
        Assert.Equal([custom], Assert.IsType<NextStep.Wait>(Decide()).On);
    }

    [Fact]
    public void A_denied_confirmation_refuses_the_call()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("a", AgentToolUse.Ask, out var asks).Answered(request)
            .Idles(StopReason.RequiresAction([asks])).Confirms(asks, UserToolConfirmation.Deny, taken: true).Runs();
        Assert.True(Assert.IsType<NextStep.RefuseTool>(Decide()).Call.Confirmed);
    }

    [Fact]
    public void Of_two_words_on_one_call_the_first_holds()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("a", AgentToolUse.Ask, out var asks).Answered(request)
            .Idles(StopReason.RequiresAction([asks]))
            .Confirms(asks, UserToolConfirmation.Deny, taken: true).Confirms(asks, UserToolConfirmation.Allow, taken: true).Runs();
        Assert.IsType<NextStep.RefuseTool>(Decide());
    }

    [Fact]
    public void A_second_answer_of_the_client_changes_nothing()
    {
        _log.UserSays("hello").Runs().Asks(out var request).CallsClient("b", out var custom).Answered(request)
            .Idles(StopReason.RequiresAction([custom]))
            .ClientAnswers(custom, "42", taken: true).ClientAnswers(custom, "43", taken: true).Runs();
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void A_clients_answer_lets_the_model_go_on()
    {
        _log.UserSays("hello").Runs().Asks(out var request).CallsClient("b", out var custom).Answered(request)
            .Idles(StopReason.RequiresAction([custom])).ClientAnswers(custom, "42", taken: true).Runs();
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void An_interrupt_ends_the_open_run_with_the_input_before_it()
    {
        _log.UserSays("hello").Runs().Asks(out _).UserSays("and", taken: false).Interrupts().UserSays("instead", taken: false);
        Assert.Equal(2, Assert.IsType<NextStep.Interrupt>(Decide()).Input.Count);
    }

    [Fact]
    public void An_interrupt_of_nothing_is_dropped_with_what_was_queued_before_it()
    {
        _log.UserSays("never mind", taken: false).Interrupts().UserSays("but", taken: false);
        Assert.Equal(2, Assert.IsType<NextStep.Drop>(Decide()).Input.Count);
    }

    [Fact]
    public void An_interrupt_that_names_the_open_run_ends_it_and_leaves_what_is_queued()
    {
        _log.UserSays("hello").Runs().Asks(out _).UserSays("next", taken: false).Input(new UserInterrupt(_log.Run, Rollback: true), taken: false);
        var interrupt = Assert.IsType<NextStep.Interrupt>(Decide());
        Assert.IsType<UserInterrupt>(Assert.Single(interrupt.Input).Body);
        Assert.True(interrupt.Rollback);
    }

    [Fact]
    public void An_interrupt_that_names_the_queued_run_drops_its_messages_while_the_open_one_goes_on()
    {
        _log.UserSays("hello").Runs().UserSays("queued", taken: false);
        var queued = Run.IdOf(_log.Log[^1].Id);
        _log.Input(new UserInterrupt(queued), taken: false).UserSays("later", taken: false);
        Assert.Equal(2, Assert.IsType<NextStep.Drop>(Decide()).Input.Count);
    }

    [Fact]
    public void An_interrupt_that_names_a_run_that_is_over_is_dropped_alone()
    {
        _log.UserSays("hello").Runs().UserSays("queued", taken: false).Input(new UserInterrupt(Id<Run>.New()), taken: false);
        Assert.IsType<UserInterrupt>(Assert.Single(Assert.IsType<NextStep.Drop>(Decide()).Input).Body);
    }

    [Fact]
    public void A_run_that_worked_too_long_is_given_up_even_in_the_middle_of_a_step()
    {
        _log.UserSays("hello").Runs().Asks(out _);
        Assert.IsType<NextStep.CloseLostRequest>(Decide());
        _log.Passes(Limits.Time);
        Assert.Equal(RunLimit.Time, Assert.IsType<NextStep.GiveUp>(Decide()).Limit);
    }

    [Fact]
    public void Waiting_for_a_person_is_no_work()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("a", AgentToolUse.Ask, out var asks).Answered(request)
            .Idles(StopReason.RequiresAction([asks])).Passes(Limits.Time * 2).Confirms(asks, UserToolConfirmation.Allow, taken: true).Runs();
        Assert.IsType<NextStep.RunTool>(Decide());
    }

    [Fact]
    public void What_nobody_answers_in_time_expires_and_an_answer_before_that_counts()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("a", AgentToolUse.Ask, out var asks).CallsClient("b", out var custom).Answered(request)
            .Idles(StopReason.RequiresAction([asks, custom]));
        Assert.IsType<NextStep.Nothing>(Decide());
        _log.Passes(Limits.AnswerWait);
        Assert.Equal([asks, custom], Assert.IsType<NextStep.Expire>(Decide()).Calls.Select(static call => call.Id));
        _log.Confirms(asks, UserToolConfirmation.Allow);
        Assert.IsType<NextStep.Resume>(Decide());
    }

    [Fact]
    public void Tokens_count_against_the_next_model_call()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Calls("a", AgentToolUse.Allow, out var call)
            .Does(new SpanModelRequestEnd(request, IsError: false, new ModelUsage(400, 300, 200, 100))).Result(call, "1");
        Assert.Equal(RunLimit.Tokens, Assert.IsType<NextStep.GiveUp>(Decide()).Limit);
    }

    [Fact]
    public void The_same_call_with_the_same_result_again_and_again_is_a_loop_and_with_another_result_is_none()
    {
        var few = Limits with { Steps = 1000, Repeats = 3 };
        _log.UserSays("hello").Runs();
        for (var i = 0; i < 5; i++) _log.Asks(out var request).Calls("a", AgentToolUse.Allow, out var call).Answered(request).Result(call, $"{i}");
        Assert.IsType<NextStep.CallModel>(Decide(few));
        for (var i = 0; i < 2; i++) _log.Asks(out var request).Calls("a", AgentToolUse.Allow, out var call).Answered(request).Result(call, "4");
        Assert.Equal(RunLimit.Repeats, Assert.IsType<NextStep.GiveUp>(Decide(few)).Limit);
    }

    [Fact]
    public void A_call_without_an_outcome_yet_holds_no_worker_and_another_call_goes_first()
    {
        _log.UserSays("hello").Runs().Asks(out var request)
            .Calls("a", AgentToolUse.Allow, out var first).Calls("b", AgentToolUse.Allow, out var second).Answered(request);
        _pending.Add(first);
        Assert.Equal(second, Assert.IsType<NextStep.RunTool>(Decide()).Call.Id);
        _log.Result(second, "done");
        Assert.IsType<NextStep.Nothing>(Decide());
    }

    [Fact]
    public void A_message_during_a_run_waits_for_its_end()
    {
        _log.UserSays("hello").Runs().UserSays("more", taken: false);
        Assert.IsType<NextStep.CallModel>(Decide());
    }

    [Fact]
    public void A_message_while_a_call_waits_for_a_person_does_not_wake_the_run()
    {
        _log.UserSays("hello").Runs().Asks(out var request).CallsClient("b", out var custom).Answered(request)
            .Idles(StopReason.RequiresAction([custom])).UserSays("hurry", taken: false);
        Assert.IsType<NextStep.Nothing>(Decide());
    }

    [Fact]
    public void A_run_that_takes_too_many_steps_is_given_up()
    {
        _log.UserSays("hello").Runs();
        for (var i = 0; i < StepsMax / 2; i++)
        {
            _log.Asks(out var request).Calls("a", AgentToolUse.Allow, out var call).Answered(request).Result(call, "again");
        }

        Assert.IsType<NextStep.GiveUp>(Decide());
    }

    [Fact]
    public void An_ended_run_leaves_nothing_to_do_and_the_next_message_starts_anew()
    {
        _log.UserSays("hello").Runs().Asks(out var request).Says("hi").Answered(request).Idles(StopReason.EndTurn);
        Assert.IsType<NextStep.Nothing>(Decide());
        _log.UserSays("again", taken: false);
        Assert.IsType<NextStep.Start>(Decide());
    }

    private NextStep Decide(RunLimits? limits = null)
    {
        var state = new SessionState();
        foreach (var e in _log.Log) state.Fold(e);
        return NextStep.Decide(state, limits ?? Limits, _log.Now, _pending);
    }
}
