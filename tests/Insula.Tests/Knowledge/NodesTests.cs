using Insula.Agents.Knowledge;
using Insula.Knowledge;
using Insula.Tenancy.Access;
using Insula.TestKit.Nodes;

namespace Insula.Tests.Knowledge;

/// <summary>Two nodes on one store, which tell each other nothing: what is taught on one is known on the other from then on.</summary>
public sealed class NodesTests : IAsyncLifetime
{
    private readonly TestWire _wire = new() { Cut = true };
    private School _a = null!;
    private School _b = null!;
    private TenantScope _scope = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _a = await School.StartAsync(wire: _wire);
        _b = await _a.JoinAsync(_wire);
        _scope = await _a.AddTenantAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _b.DisposeAsync();
        await _a.DisposeAsync();
    }

    [Fact]
    public async Task What_was_learned_replaced_or_forgotten_on_one_node_is_so_on_the_other()
    {
        await _a.LearnAsync(_scope, "gates.md", "Gates are blue.");
        Assert.Equal(["Gates are blue."], await QuotesAsync(_b));
        await _a.LearnAsync(_scope, "gates.md", "Gates are green.");
        Assert.Equal(["Gates are green."], await QuotesAsync(_b));
        var more = (await _b.LearnAsync(_scope, "more.md", "Gates are tall.")).Value.Source;
        Assert.Equal(2, (await QuotesAsync(_a)).Count);
        Assert.Null((await _a.Get<ForgetSource>().ForgetAsync(_scope, more.Id, Ct)).Fault);
        Assert.Equal(["Gates are green."], await QuotesAsync(_b));
    }

    [Fact]
    public async Task A_view_catches_up_with_the_other_node_and_is_not_built_anew()
    {
        await _a.LearnAsync(_scope, "gates.md", "Gates are blue.");
        var (onA, onB) = (await ViewAsync(_a), await ViewAsync(_b));
        for (var i = 0; i < 5; i++)
        {
            await _a.LearnAsync(_scope, $"a{i}.md", $"Gates on the left are {i}.");
            await _b.LearnAsync(_scope, $"b{i}.md", $"Gates on the right are {i}.");
        }

        Assert.Same(onA, await ViewAsync(_a));
        Assert.Same(onB, await ViewAsync(_b));
        Assert.Equal((11, 11), (onA.Passages, onB.Passages));
    }

    [Fact]
    public async Task No_answer_cites_what_was_forgotten_and_none_misses_what_was_learned_before_it_was_asked()
    {
        using var done = new CancellationTokenSource();
        var noise = Task.WhenAll(new[] { _a, _b }.Select((school, i) => Task.Run(() => TeachAsync(school, $"noise {i}", done.Token), Ct)));
        for (var i = 0; i < 60; i++)
        {
            var (here, there) = i % 2 == 0 ? (_a, _b) : (_b, _a);
            var word = $"word{i}";
            var source = (await here.LearnAsync(_scope, $"law {i % 3}.md", $"The {word} is what the gates are.")).Value.Source;
            Assert.Contains((await there.AskAsync(_scope, $"what is {word}?")).Citations, citation => citation.SourceId == source.Id.ToString());
            Assert.Null((await here.Get<ForgetSource>().ForgetAsync(_scope, source.Id, Ct)).Fault);
            Assert.DoesNotContain((await there.AskAsync(_scope, $"what is {word}?")).Citations, citation => citation.SourceId == source.Id.ToString());
        }

        await done.CancelAsync();
        await noise;
    }

    private async Task TeachAsync(School school, string name, CancellationToken done)
    {
        for (var i = 0; !done.IsCancellationRequested; i++)
        {
            var learned = await school.LearnAsync(_scope, $"{name} {i % 4}.md", $"Towers of {name} are number {i}.");
            if (i % 3 == 0 && learned.Fault is null) await school.Get<ForgetSource>().ForgetAsync(_scope, learned.Value.Source.Id, Ct);
        }
    }

    private async Task<List<string>> QuotesAsync(School school) => [.. (await school.AskAsync(_scope, "gates")).Citations.Select(static citation => citation.Quote)];

    private Task<KnowledgeBase> ViewAsync(School school) => school.Get<KnowledgeBases>().ReadAsync(_scope, view => view, Ct);
}
