using System.Text;
using Insula.Agents.Knowledge;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;

namespace Insula.Tests.Knowledge;

public sealed class LearnTextTests
{
    private const string Fact = "The gate of the north tower is blue.";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_learned_is_found_at_once_and_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("insula-knowledge-").FullName;
        var first = await School.StartAsync(folder);
        var scope = await first.AddTenantAsync();
        Assert.Equal(0, (await first.AskAsync(scope, "Which gate is blue?")).Confidence);
        Assert.True((await first.LearnAsync(scope, "towers.md", Fact)).Value.IsNew);
        Assert.Equal(Fact, (await first.AskAsync(scope, "Which gate is blue?")).Citations[0].Quote);
        await first.DisposeAsync();

        await using var second = await School.StartAsync(folder);
        var citation = (await second.AskAsync(scope, "Which gate is blue?")).Citations[0];

        Assert.Equal((Fact, "towers.md"), (citation.Quote, citation.Source));
    }

    [Fact]
    public async Task The_same_text_under_the_same_name_is_the_same_source()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        var first = (await school.LearnAsync(scope, "towers.md", Fact)).Value;
        var again = (await school.LearnAsync(scope, "towers.md", Fact)).Value;

        Assert.False(again.IsNew);
        Assert.Equal(first.Source.Id, again.Source.Id);
        Assert.Single((await school.AskAsync(scope, "Which gate is blue?")).Citations);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Other_text_under_a_name_takes_the_place_of_the_old(bool viewInMemory)
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        var old = (await school.LearnAsync(scope, "towers.md", Fact)).Value;
        if (viewInMemory) await school.AskAsync(scope, "gate");
        var changed = (await school.LearnAsync(scope, "towers.md", "The gate of the north tower is red now.")).Value;

        Assert.True(changed.IsNew);
        Assert.NotEqual(old.Source.Id, changed.Source.Id);
        Assert.Equal("The gate of the north tower is red now.", Assert.Single((await school.AskAsync(scope, "Which gate?")).Citations).Quote);
        Assert.Single((await school.Get<ListSources>().ListAsync(scope, new PageRequest(10, null), Ct)).Items);
    }

    [Fact]
    public async Task A_forgotten_source_is_found_no_more()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        var id = (await school.LearnAsync(scope, "towers.md", Fact)).Value.Source.Id;
        await school.AskAsync(scope, "gate");

        Assert.Null((await school.Get<ForgetSource>().ForgetAsync(scope, id, Ct)).Fault);
        Assert.Equal(0, (await school.AskAsync(scope, "Which gate is blue?")).Confidence);
        Assert.Equal(FaultKind.NotFound, (await school.Get<ForgetSource>().ForgetAsync(scope, id, Ct)).Fault?.Kind);
        Assert.Equal(FaultKind.NotFound, (await school.Get<ShowSource>().ShowAsync(scope, id, Ct)).Fault?.Kind);
    }

    [Fact]
    public async Task Another_tenants_text_is_never_found_nor_forgotten()
    {
        await using var school = await School.StartAsync();
        var (a, b) = (await school.AddTenantAsync(), await school.AddTenantAsync());
        var secret = (await school.LearnAsync(a, "secret.md", Fact)).Value.Source.Id;
        await school.LearnAsync(b, "own.md", "The south tower has no gate.");
        await school.AskAsync(a, "gate");

        Assert.All((await school.AskAsync(b, "Which gate of the north tower is blue?")).Citations, citation => Assert.Equal("own.md", citation.Source));
        Assert.Equal(FaultKind.NotFound, (await school.Get<ForgetSource>().ForgetAsync(b, secret, Ct)).Fault?.Kind);
        Assert.Equal(FaultKind.NotFound, (await school.Get<ShowSource>().ShowAsync(b, secret, Ct)).Fault?.Kind);
        Assert.Equal(Fact, (await school.AskAsync(a, "Which gate is blue?")).Citations[0].Quote);
    }

    [Fact]
    public async Task Sixteen_megabytes_are_learned_and_a_byte_more_is_refused_with_the_limit()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        var text = new byte[KnowledgeRules.TextBytesMax + 1];
        text.AsSpan().Fill((byte)'x');
        for (var i = 0; i < text.Length; i += 100) text[i] = (byte)' ';
        Encoding.UTF8.GetBytes(Fact).CopyTo(text, 5_000_000);

        var refused = (await school.LearnAsync(scope, "big.txt", text)).Fault;
        Assert.Equal(FaultKind.TooLarge, refused?.Kind);
        Assert.Contains("16777216", refused!.Message, StringComparison.Ordinal);
        Assert.True((await school.LearnAsync(scope, "big.txt", text[..^1])).Value.IsNew);
        Assert.Contains(Fact[4..^1], (await school.AskAsync(scope, "north tower gate")).Citations[0].Passage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.bin", new byte[] { 1, 0, 2 }, "not_text")]
    [InlineData("a.txt", new byte[] { (byte)'a', 0xC3, 0x28 }, "not_text")]
    [InlineData("a.pdf", new byte[] { (byte)'%', (byte)'P', (byte)'D', (byte)'F', (byte)'-' }, "not_text")]
    [InlineData("a.txt", new byte[] { 0xEF, 0xBB, 0xBF, (byte)' ' }, "invalid_field")]
    [InlineData("", new byte[] { (byte)'a' }, "invalid_field")]
    [InlineData("a\nb", new byte[] { (byte)'a' }, "invalid_field")]
    public async Task What_is_no_text_or_has_no_name_is_refused(string name, byte[] text, string code)
    {
        await using var school = await School.StartAsync();
        var fault = (await school.LearnAsync(await school.AddTenantAsync(), name, text)).Fault;

        Assert.Equal((FaultKind.Invalid, code), (fault?.Kind, fault?.Code));
    }

    [Fact]
    public async Task Twenty_at_once_at_the_quota_admit_exactly_what_fits()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync(new LimitOverrides { Concepts = 7 });
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => school.LearnAsync(scope, $"s{i}.md", $"Source number {i} is about gates."))));

        Assert.Equal(7, results.Count(result => result.Fault is null));
        Assert.All(results, result => Assert.True(result.Fault is null or { Kind: FaultKind.OverLimit, Field: "limits.concepts" }));
        Assert.Equal(7, (await school.Get<ListSources>().ListAsync(scope, new PageRequest(100, null), Ct)).Items.Count);
        Assert.Equal(7, await school.Get<KnowledgeBases>().ReadAsync(scope, view => view.Passages, Ct));
    }

    [Fact]
    public async Task Learning_and_forgetting_stand_in_the_audit_trail_and_what_changed_nothing_does_not()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        var id = (await school.LearnAsync(scope, "towers.md", Fact)).Value.Source.Id;
        await school.LearnAsync(scope, "towers.md", Fact);
        await school.Get<ForgetSource>().ForgetAsync(scope, id, Ct);
        var trail = await school.Get<IAuditLog>().ListAsync(scope.Tenant, new PageRequest(10, null), Ct);

        Assert.Equal(["knowledge.forget", "knowledge.learn"], trail.Items.Take(2).Select(record => record.Action));
        Assert.Equal(id.ToString(), trail.Items[0].Target);
        Assert.Single(trail.Items, record => record.Action is "knowledge.learn");
    }

    [Theory]
    [InlineData("a.md", null, "text/markdown")]
    [InlineData("notes", null, "text/markdown")]
    [InlineData("a.txt", null, "text/plain")]
    [InlineData("a.py", "application/octet-stream", "text/plain")]
    [InlineData("a.txt", "text/markdown; charset=utf-8", "text/markdown")]
    [InlineData("a.MD", "text/plain", "text/markdown")]
    public void The_type_or_the_name_says_how_to_read(string name, string? given, string expected) =>
        Assert.Equal(expected, KnowledgeRules.MediaTypeOf(new(name, default, given, new Dictionary<string, string>())));
}
