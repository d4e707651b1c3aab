using FsCheck;
using FsCheck.Fluent;
using Insula.Knowledge.Learning;
using Insula.Knowledge.Retrieval;

namespace Insula.Tests.Knowledge;

public sealed class TextIndexTests
{
    private static readonly string[] Query = ["tenant", "place", "budget", "run", "naiv", "本", "nowhere"];

    [Fact]
    public void Scores_equal_a_naive_reference_after_any_history_of_adding_and_removing() =>
        Prop.ForAll<int>(seed =>
        {
            var (index, present) = Play(seed);
            var expected = Reference(present, Query);
            var found = index.Snapshot.Search(Query, 1000).ToDictionary(match => (match.Source.Id, match.Content.Ordinal), match => match.Score);
            return found.Count == expected.Count && expected.All(entry => Math.Abs(found[entry.Key] - entry.Value) < 1e-9);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Adding_and_removing_is_as_if_it_had_never_been_added() =>
        Prop.ForAll<int>(seed =>
        {
            var (index, present) = Play(seed);
            var afresh = new TextIndex();
            afresh.Add([.. present.Values.Reverse()], null);
            return Ranks(index).Zip(Ranks(afresh)).All(pair => Same(pair.First, pair.Second))
                && Ranks(index).Count == Ranks(afresh).Count && index.Snapshot.Passages == afresh.Snapshot.Passages;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_best_few_are_the_first_of_all()
    {
        var (index, _) = Play(7);

        Assert.Equal(Ranks(index).Take(5), Ranks(index, 5));
    }

    [Fact]
    public void Many_sources_keep_few_segments()
    {
        var index = new TextIndex();
        var random = new Random(3);
        for (var i = 0; i < 500; i++) index.Add([Corpora.Source(random, $"s{i}")], null);
        for (var i = 0; i < 400; i++) index.Remove($"s{i}");

        Assert.InRange(index.Snapshot.Views.Count, 1, 12);
        Assert.All(index.Snapshot.Views, view => Assert.True(view.Live * 2 >= view.Segment.Count));
    }

    [Fact]
    public async Task Readers_see_whole_sources_while_writers_replace_them()
    {
        var index = new TextIndex();
        var stop = new CancellationTokenSource();
        index.Add([Version(0)], null);
        var reader = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var versions = index.Snapshot.Search(["placement"], 100).Select(match => match.Content.Heading).ToList();
                    Assert.Equal(20, versions.Count);
                    Assert.Single(versions.Distinct());
                }
            },
            TestContext.Current.CancellationToken);
        for (var version = 1; version < 300; version++) index.Add([Version(version)], $"v{version - 1}");
        await stop.CancelAsync();
        await reader;

        static LearnedSource Version(int version) =>
            new($"v{version}", "plan.md", [.. Enumerable.Range(0, 20).Select(i => new Passage($"{version}", $"placement number {i}"))]);
    }

    [Theory]
    [InlineData("Tenants' PLACEMENTS", "tenant placement")]
    [InlineData("naïve Événements", "naiv evenement")]
    [InlineData("cafe\u0301 café", "cafe cafe")]
    [InlineData("isn't the server’s", "server")]
    [InlineData("running hopped falling agreed hoping flies tries", "run hop fall agre hope fli tri")]
    [InlineData("lease leases leased leasing place placed storing stored", "leas leas leas leas place place store store")]
    [InlineData("organ organization controlled controlling", "organ organization control control")]
    [InlineData("queries ponies caresses gas this kiwis cry by say", "queri poni caress gas kiwi cri say")]
    [InlineData("3.97 v1.12.0 a_b storage_bytes", "3.97 v1.12.0 b storag byte")]
    [InlineData("東京タワー", "東 京 タ ワ ー")]
    public void Text_is_read_as_terms(string text, string terms)
    {
        var read = new List<string>();
        var reader = new TermReader(text, stackalloc char[TermReader.BufferLength]);
        while (reader.Read())
        {
            if (!reader.IsStopWord) read.Add(reader.Term.ToString());
        }

        Assert.Equal(terms, string.Join(' ', read));
    }

    private static (TextIndex Index, Dictionary<string, LearnedSource> Present) Play(int seed)
    {
        var random = new Random(seed);
        var index = new TextIndex();
        var present = new Dictionary<string, LearnedSource>();
        for (var step = 0; step < 40; step++)
        {
            var id = $"s{random.Next(15)}";
            var other = $"s{random.Next(15)}";
            switch (random.Next(4))
            {
                case 0:
                    Assert.Equal(present.Remove(id, out var gone) && gone.Passages.Count > 0, index.Remove(id));
                    break;
                case 1 when !string.Equals(other, id, StringComparison.Ordinal):
                    present.Remove(other);
                    Learn(id, other);
                    break;
                default:
                    Learn(id, null);
                    break;
            }
        }

        return (index, present);

        void Learn(string id, string? replaces)
        {
            present[id] = Corpora.Source(random, id);
            index.Add([present[id]], replaces);
        }
    }

    private static List<(string, int, double)> Ranks(TextIndex index, int limit = 1000) =>
        [.. index.Snapshot.Search(Query, limit).Select(match => (match.Source.Id, match.Content.Ordinal, match.Score))];

    /// <summary>Sums in another order may differ in their last bits; rounding would tear some of those apart.</summary>
    private static bool Same((string Id, int Ordinal, double Score) one, (string Id, int Ordinal, double Score) other) =>
        (one.Id, one.Ordinal) == (other.Id, other.Ordinal) && Math.Abs(one.Score - other.Score) < 1e-9;

    /// <summary>BM25 straight from the formula, with no index at all.</summary>
    private static Dictionary<(string, int), double> Reference(Dictionary<string, LearnedSource> present, string[] query)
    {
        var passages = present.Values.SelectMany(source => source.Passages.Select((passage, ordinal) => (Key: (source.Id, ordinal), Terms: Terms(passage)))).ToList();
        var average = passages.Count == 0 ? 1 : Math.Max(1, passages.Average(passage => passage.Terms.Count));
        var scores = new Dictionary<(string, int), double>();
        foreach (var (key, terms) in passages)
        {
            var score = 0.0;
            foreach (var term in query)
            {
                var df = passages.Count(passage => passage.Terms.Contains(term));
                var tf = terms.Count(each => string.Equals(each, term, StringComparison.Ordinal));
                var idf = Math.Log(1 + ((passages.Count - df + 0.5) / (df + 0.5)));
                score += idf * tf * 2.2 / (tf + (1.2 * (0.25 + (0.75 * terms.Count / average))));
            }

            if (score > 0) scores[key] = score;
        }

        return scores;
    }

    private static List<string> Terms(Passage passage)
    {
        var terms = new List<string>();
        var reader = new TermReader($"{passage.Heading}\n{passage.Heading}\n{passage.Text}", stackalloc char[TermReader.BufferLength]);
        while (reader.Read())
        {
            if (!reader.IsStopWord) terms.Add(reader.Term.ToString());
        }

        return terms;
    }
}
