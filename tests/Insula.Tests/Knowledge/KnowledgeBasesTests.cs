using Insula.Agents.Knowledge;
using Insula.Knowledge;
using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Tests.Knowledge;

public sealed class KnowledgeBasesTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task However_many_ask_at_once_the_view_is_built_once()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "a.md", "Gates are blue.");
        var views = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => ViewAsync(school, scope))));

        Assert.Single(views.Distinct());
    }

    [Fact]
    public async Task A_reader_that_leaves_does_not_stop_the_others()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "a.md", "Gates are blue.");
        using var leaving = new CancellationTokenSource();
        var left = school.Get<KnowledgeBases>().ReadAsync(scope, view => view, leaving.Token);
        var stayed = ViewAsync(school, scope);
        await leaving.CancelAsync();

        Assert.Equal(1, (await stayed).Passages);
        Assert.True(await Record.ExceptionAsync(() => left) is OperationCanceledException || (await left).Passages == 1);
    }

    [Fact]
    public async Task An_idle_view_leaves_memory_and_comes_back_when_asked()
    {
        await using var school = await School.StartAsync(options: new() { IdleLimit = TimeSpan.FromMinutes(10) });
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "a.md", "Gates are blue.");
        await school.AskAsync(scope, "gates");
        Assert.Equal(1, school.Get<KnowledgeBases>().Count);
        school.Clock.Advance(TimeSpan.FromMinutes(13));

        Assert.Equal(0, school.Get<KnowledgeBases>().Count);
        Assert.Equal("Gates are blue.", (await school.AskAsync(scope, "gates")).Citations[0].Quote);
    }

    [Theory]
    [InlineData(2, long.MaxValue, 2)]
    [InlineData(100, 1, 1)]
    public async Task Too_many_tenants_or_bytes_push_out_the_longest_unused(int tenantsMax, long bytesMax, int left)
    {
        await using var school = await School.StartAsync(options: new() { ResidentTenantsMax = tenantsMax, ResidentBytesMax = bytesMax });
        var scopes = new List<TenantScope>();
        for (var i = 0; i < 5; i++)
        {
            scopes.Add(await school.AddTenantAsync());
            await school.LearnAsync(scopes[i], "a.md", $"Gates are blue, says {i}.");
            await school.AskAsync(scopes[i], "gates");
            school.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(left, school.Get<KnowledgeBases>().Count);
        for (var i = 0; i < 5; i++) Assert.Equal($"Gates are blue, says {i}.", (await school.AskAsync(scopes[i], "gates")).Citations[0].Quote);
    }

    [Fact]
    public async Task The_view_equals_the_store_whatever_happens_at_once()
    {
        await using var school = await School.StartAsync(options: new() { ResidentTenantsMax = 1 });
        var scopes = new[] { await school.AddTenantAsync(), await school.AddTenantAsync() };
        await Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(() => WorkAsync(school, scopes, worker), Ct)));

        foreach (var scope in scopes)
        {
            var kept = (await school.Get<ListSources>().ListAsync(scope, new PageRequest(1000, null), Ct)).Items;
            Assert.Equal(kept.Sum(source => source.Passages), (await ViewAsync(school, scope)).Passages);
            var found = (await school.Get<QueryKnowledge>().QueryAsync(scope, "gates", 20, Ct)).Value.Citations;
            Assert.All(found, citation => Assert.Contains(kept, source => source.Id.ToString() == citation.SourceId));
        }
    }

    private static async Task WorkAsync(School school, TenantScope[] scopes, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 40; i++)
        {
            var scope = scopes[random.Next(2)];
            var name = $"s{random.Next(5)}.md";
            using var impatient = new CancellationTokenSource();
            if (random.Next(8) == 0) await impatient.CancelAsync();
            switch (random.Next(4))
            {
                case 0:
                    await school.AskAsync(scope, "Which gates are blue?");
                    break;
                case 1 when (await school.Get<ListSources>().ListAsync(scope, new PageRequest(1, null), Ct)).Items is [{ } newest]:
                    await school.Get<ForgetSource>().ForgetAsync(scope, newest.Id, Ct);
                    break;
                case 2:
                    await Record.ExceptionAsync(() => school.Get<QueryKnowledge>().QueryAsync(scope, "gates", null, impatient.Token));
                    break;
                default:
                    var text = $"Gates are blue, says {seed} for the time number {i}.";
                    await Record.ExceptionAsync(() => school.Get<LearnText>().LearnAsync(
                        scope, new(name, System.Text.Encoding.UTF8.GetBytes(text), null, new Dictionary<string, string>()), impatient.Token));
                    break;
            }
        }
    }

    private static Task<KnowledgeBase> ViewAsync(School school, TenantScope scope) => school.Get<KnowledgeBases>().ReadAsync(scope, view => view, Ct);
}
