using Insula.Agents.Knowledge;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;

namespace Insula.Storage.Tests.Contracts;

public abstract class KnowledgeContract(TenantPlace place) : TenantStoreContract(place)
{
    private static readonly Limits Wide = new(1, 1, 1, 1, 1, long.MaxValue, long.MaxValue);

    [Fact]
    public async Task A_source_is_read_with_its_passages_as_it_was_learned()
    {
        var (source, passages) = NewSource(HardText, 3);
        Assert.Null((await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct)).Fault);
        await ReopenStoreAsync();

        Same(source, await Store.Knowledge.FindAsync(source.Id, Ct));
        Same(source, await Store.Knowledge.FindByNameAsync(HardText, Ct));
        SameList(passages, (await All()).Select(static p => p.Passage));
        Assert.Null(await Other.Knowledge.FindByNameAsync(HardText, Ct));
        Assert.Null(await Other.Knowledge.FindAsync(source.Id, Ct));
    }

    [Fact]
    public async Task A_source_takes_the_place_of_another_of_its_name()
    {
        var (old, oldPassages) = NewSource("readme", 3);
        var (next, nextPassages) = NewSource("readme", 2);
        await Store.Knowledge.AddAsync(old, oldPassages, null, Wide, Ct);
        Assert.Equal("source_changed", (await Store.Knowledge.AddAsync(next, nextPassages, null, Wide, Ct)).Fault?.Code);
        Assert.Null((await Store.Knowledge.AddAsync(next, nextPassages, old.Id, Wide, Ct)).Fault);

        Assert.Null(await Store.Knowledge.FindAsync(old.Id, Ct));
        SameList(nextPassages, (await All()).Select(static p => p.Passage));
        Assert.Equal("source_changed", (await Store.Knowledge.AddAsync(NewSource("readme", 1).Source, NewSource("readme", 1).Passages, old.Id, Wide, Ct)).Fault?.Code);
    }

    [Fact]
    public async Task Over_a_quota_nothing_changes_and_the_fault_names_the_limit()
    {
        var limits = Wide with { Concepts = 5, StorageBytes = 1000 };
        var (kept, keptPassages) = NewSource("kept", 4, bytes: 600);
        Assert.Null((await Store.Knowledge.AddAsync(kept, keptPassages, null, limits, Ct)).Fault);

        var (many, manyPassages) = NewSource("many", 2, bytes: 1);
        Assert.Equal(("concepts_limit_reached", "limits.concepts"), Names((await Store.Knowledge.AddAsync(many, manyPassages, null, limits, Ct)).Fault));
        var (big, bigPassages) = NewSource("big", 1, bytes: 401);
        Assert.Equal(("storage_limit_reached", "limits.storage_bytes"), Names((await Store.Knowledge.AddAsync(big, bigPassages, null, limits, Ct)).Fault));
        Assert.Equal(4, (await All()).Count);

        // What is replaced makes room, and the limit itself may be reached.
        var (next, nextPassages) = NewSource("kept", 5, bytes: 1000);
        Assert.Null((await Store.Knowledge.AddAsync(next, nextPassages, kept.Id, limits, Ct)).Fault);

        static (string?, string?) Names(Tenancy.Faults.Fault? fault) => (fault?.Code, fault?.Field);
    }

    [Fact]
    public async Task At_the_quota_many_at_once_are_admitted_exactly_as_far_as_they_fit()
    {
        var limits = Wide with { Concepts = 14 };
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
        {
            var (source, passages) = NewSource($"source {i}", 2);
            return Store.Knowledge.AddAsync(source, passages, null, limits, Ct);
        }));
        Assert.Equal(7, results.Count(static r => r.Fault is null));
        Assert.Equal(14, (await All()).Count);
    }

    [Fact]
    public async Task A_source_is_removed_with_its_passages()
    {
        var (source, passages) = NewSource("gone", 3);
        var (kept, keptPassages) = NewSource("kept", 1);
        await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct);
        await Store.Knowledge.AddAsync(kept, keptPassages, null, Wide, Ct);
        Assert.Null(await Other.Knowledge.RemoveAsync(source.Id, Ct));
        Assert.NotNull(await Store.Knowledge.RemoveAsync(source.Id, Ct));
        Assert.Null(await Store.Knowledge.RemoveAsync(source.Id, Ct));
        SameList(keptPassages, (await All()).Select(static p => p.Passage));
    }

    [Fact]
    public async Task The_version_grows_with_each_change_and_with_nothing_else()
    {
        Assert.Equal(0, await Store.Knowledge.FindVersionAsync(Ct));
        var (source, passages) = NewSource("one", 1);
        Assert.Equal(1, (await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct)).Value);
        var (next, nextPassages) = NewSource("one", 1);
        Assert.NotNull((await Store.Knowledge.AddAsync(next, nextPassages, null, Wide, Ct)).Fault);
        Assert.Equal(2, (await Store.Knowledge.AddAsync(next, nextPassages, source.Id, Wide, Ct)).Value);
        Assert.Null(await Store.Knowledge.RemoveAsync(source.Id, Ct));
        Assert.Equal(2, await Store.Knowledge.FindVersionAsync(Ct));
        Assert.Equal(3, await Store.Knowledge.RemoveAsync(next.Id, Ct));
        await ReopenStoreAsync();
        Assert.Equal(3, await Store.Knowledge.FindVersionAsync(Ct));
        Assert.Equal(0, await Other.Knowledge.FindVersionAsync(Ct));
    }

    [Fact]
    public async Task Many_changes_at_once_get_versions_of_their_own()
    {
        var versions = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            var (source, passages) = NewSource($"source {i}", 1);
            var added = (await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct)).Value;
            return new[] { added, (await Store.Knowledge.RemoveAsync(source.Id, Ct))!.Value };
        }));
        Assert.Equal(Enumerable.Range(1, 40).Select(static n => (long)n), versions.SelectMany(static two => two).Order());
    }

    [Fact]
    public async Task Only_the_sources_that_are_asked_for_are_read_and_those_that_are_gone_are_left_out()
    {
        var all = new List<KnowledgeSource>();
        foreach (var name in new[] { "a", "b", "c" })
        {
            var (source, passages) = NewSource(name, 2);
            await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct);
            all.Add(source);
        }

        await Store.Knowledge.RemoveAsync(all[2].Id, Ct);
        var read = await Store.Knowledge.ReadAsync([all[2].Id, all[1].Id, Id<KnowledgeSource>.New()], Ct).ToListAsync(Ct);
        Same(all[1], Assert.Single(read).Source);
        Assert.Equal(2, read[0].Passages.Count);
        Assert.Empty(await Other.Knowledge.ReadAsync([all[0].Id], Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task Sources_are_listed_newest_first_and_read_in_order()
    {
        var sources = Enumerable.Range(0, 7).Select(i => NewSource($"source {i}", 2, learned: Start.AddTicks(i / 2))).ToList();
        foreach (var (source, passages) in sources) await Store.Knowledge.AddAsync(source, passages, null, Wide, Ct);

        SameList(
            sources.Select(static s => s.Source).OrderByDescending(s => s.LearnedAt).ThenByDescending(s => s.Id.ToString(), StringComparer.Ordinal),
            await Walk(page => Store.Knowledge.ListAsync(page, Ct), 3));
        SameList(
            sources.OrderBy(s => s.Source.Id.ToString(), StringComparer.Ordinal).SelectMany(static s => s.Passages),
            (await All()).Select(static p => p.Passage));
    }

    private static (KnowledgeSource Source, List<StoredPassage> Passages) NewSource(string name, int passages, long bytes = 10, DateTimeOffset? learned = null)
    {
        var source = new KnowledgeSource(Id<KnowledgeSource>.New(), name, "00ff", "text/plain", bytes, passages, new Dictionary<string, string> { ["k"] = "v" }, learned ?? Start);
        return (source, [.. Enumerable.Range(0, passages).Select(i => new StoredPassage(source.Id, i, i == 0 ? "" : "A › B", $"{HardText} {i}"))]);
    }

    private async Task<List<(KnowledgeSource Source, StoredPassage Passage)>> All()
    {
        List<(KnowledgeSource, StoredPassage)> all = [];
        await foreach (var (source, passages) in Store.Knowledge.ReadAsync(await Store.Knowledge.ListIdsAsync(Ct), Ct)) all.AddRange(passages.Select(passage => (source, passage)));
        return all;
    }
}
