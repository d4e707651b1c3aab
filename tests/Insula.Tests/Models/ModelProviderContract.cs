using Insula.Agents.Models;

namespace Insula.Tests.Models;

/// <summary>What every model provider does, whatever stands behind it. A new provider derives a test class from this.</summary>
public abstract class ModelProviderContract
{
    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected abstract IModelProvider Provider { get; }

    /// <summary>A request that the provider answers with some text.</summary>
    protected abstract ModelRequest AnyRequest();

    [Fact]
    public async Task A_turn_says_something_and_ends_exactly_once_as_the_last()
    {
        var events = await Provider.PlayAsync(AnyRequest(), Ct);
        Assert.False(string.IsNullOrWhiteSpace(events.Text()));
        Assert.Single(events, e => e is ModelTurnEnded);
        Assert.Equal(ModelStop.EndTurn, events.End().Stop);
    }

    [Fact]
    public async Task A_turn_reports_the_tokens_it_used()
    {
        var usage = (await Provider.PlayAsync(AnyRequest(), Ct)).End().Usage;
        Assert.True(usage is { Input: > 0, Output: > 0, CacheRead: >= 0, CacheWrite: >= 0 }, $"{usage}");
    }

    [Fact]
    public async Task What_a_turn_reports_on_the_way_is_no_more_than_what_it_reports_at_the_end()
    {
        var events = await Provider.PlayAsync(AnyRequest(), Ct);
        var end = events.End().Usage;
        foreach (var soFar in events.OfType<UsageReported>().Select(static report => report.SoFar))
        {
            Assert.True(soFar.Output <= end.Output && soFar.Input + soFar.CacheRead + soFar.CacheWrite <= end.Input + end.CacheRead + end.CacheWrite, $"{soFar} and {end}");
        }
    }

    [Fact]
    public async Task A_turn_with_a_cancelled_token_says_nothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Provider.PlayAsync(AnyRequest(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_turn_that_nobody_reads_to_its_end_can_be_left()
    {
        await using (var events = Provider.StreamAsync(AnyRequest(), Ct).GetAsyncEnumerator(Ct)) Assert.True(await events.MoveNextAsync());
        Assert.NotEmpty((await Provider.PlayAsync(AnyRequest(), Ct)).Text());
    }

    [Fact]
    public async Task Two_turns_at_once_do_not_mix()
    {
        var turns = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Provider.PlayAsync(AnyRequest(), Ct)));
        Assert.All(turns, turn => Assert.Equal(turns[0].Text(), turn.Text()));
    }

    [Fact]
    public async Task The_list_gives_whole_names_that_begin_with_the_providers_own()
    {
        var names = await Provider.ListAsync(Ct);
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.True(name == Provider.Name || name.StartsWith($"{Provider.Name}/", StringComparison.Ordinal), name));
    }
}
