using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Placements;

namespace Insula.Tests.Tenancy;

/// <summary>The laws of the draw that sends a new tenant to a server, over any servers and keys.</summary>
public sealed class RendezvousLaws
{
    private static readonly Gen<string> Keys = Gen.Choose(0, int.MaxValue).Select(static number => $"tnt_{number:x}");

    private static readonly Gen<StoreServer[]> Servers =
        from count in Gen.Choose(1, 12)
        from first in Gen.Choose(0, 1_000)
        from weights in Gen.Choose(1, 9).ArrayOf(count)
        select weights.Select((weight, i) => new StoreServer($"server{first + i}", weight)).ToArray();

    private static readonly Gen<(StoreServer[] Servers, string[] Keys, int Pick)> Cases =
        from servers in Servers
        from keys in Keys.ArrayOf(50)
        from pick in Gen.Choose(0, servers.Length - 1)
        select (servers, keys, pick);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(1_000);

    [Fact]
    public void A_key_has_one_server_whatever_order_they_are_named_in() =>
        Prop.ForAll(Cases.ToArbitrary(), static c => Array.TrueForAll(c.Keys, key =>
            string.Equals(Rendezvous.Choose(key, c.Servers), Rendezvous.Choose(key, [.. c.Servers.Reverse()]), StringComparison.Ordinal))).Check(Many);

    [Fact]
    public void A_server_that_is_added_takes_keys_and_no_other_server_gets_any() =>
        Prop.ForAll(Cases.ToArbitrary(), static c => Array.TrueForAll(c.Keys, key =>
        {
            var after = Rendezvous.Choose(key, [.. c.Servers, new StoreServer("added")]);
            return after is "added" || string.Equals(after, Rendezvous.Choose(key, c.Servers), StringComparison.Ordinal);
        })).Check(Many);

    [Fact]
    public void A_server_with_more_weight_takes_keys_and_no_other_server_gets_any() =>
        Prop.ForAll(Cases.ToArbitrary(), static c => Array.TrueForAll(c.Keys, key =>
        {
            var grown = c.Servers[c.Pick] with { Weight = c.Servers[c.Pick].Weight + 3 };
            var after = Rendezvous.Choose(key, [.. c.Servers.Select(server => server.Name == grown.Name ? grown : server)]);
            return string.Equals(after, grown.Name, StringComparison.Ordinal) || string.Equals(after, Rendezvous.Choose(key, c.Servers), StringComparison.Ordinal);
        })).Check(Many);

    [Fact]
    public void A_server_without_weight_is_never_drawn() =>
        Prop.ForAll(Cases.ToArbitrary(), static c => Array.TrueForAll(c.Keys, key =>
            Rendezvous.Choose(key, [new StoreServer("resting", 0), .. c.Servers]) is not "resting")).Check(Many);

    /// <summary>Seven standard deviations: a fair draw leaves them less than once in 10^10 times.</summary>
    [Fact]
    public void Every_server_gets_its_share_by_weight() =>
        Prop.ForAll(Servers.ToArbitrary(), Gen.Choose(0, 1_000_000).ToArbitrary(), static (servers, start) =>
        {
            const int Draws = 5_000;
            var counts = Enumerable.Range(start, Draws).CountBy(number => Rendezvous.Choose($"tnt_{number}", servers)).ToDictionary();
            return Array.TrueForAll(servers, server => Within(counts.GetValueOrDefault(server.Name), Draws, (double)server.Weight / servers.Sum(static other => other.Weight)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));

    [Fact]
    public void Of_n_servers_a_new_one_takes_one_part_in_n_of_the_keys() =>
        Prop.ForAll(Gen.Choose(1, 15).ToArbitrary(), Gen.Choose(0, 1_000_000).ToArbitrary(), static (count, start) =>
        {
            const int Draws = 5_000;
            StoreServer[] before = [.. Enumerable.Range(0, count).Select(static i => new StoreServer($"server{i}"))];
            StoreServer[] after = [.. before, new StoreServer("added")];
            var moved = Enumerable.Range(start, Draws).Count(number =>
                !string.Equals(Rendezvous.Choose($"tnt_{number}", before), Rendezvous.Choose($"tnt_{number}", after), StringComparison.Ordinal));
            return Within(moved, Draws, 1.0 / after.Length);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));

    /// <summary>Computed apart, from the description alone. A draw that changed would move no tenant, but nobody should change it unaware.</summary>
    [Theory]
    [InlineData("tnt_0000000000000000000001", "main")]
    [InlineData("tnt_0000000000000000000002", "main")]
    [InlineData("tnt_0000000000000000000003", "us1")]
    [InlineData("tnt_0000000000000000000004", "us1")]
    [InlineData("tnt_0000000000000000000006", "eu1")]
    public void The_draw_stays_what_it_was(string tenant, string server) =>
        Assert.Equal(server, Rendezvous.Choose(tenant, [new("eu1"), new("main"), new("us1", 2)]));

    private static bool Within(int count, int draws, double share) =>
        Math.Abs(count - (draws * share)) <= 7 * Math.Sqrt(draws * share * (1 - share));
}
