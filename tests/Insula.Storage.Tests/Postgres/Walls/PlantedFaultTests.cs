using Insula.Storage.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>
/// Every hole that we can think of, in every wall, one at a time: the checks of a start name each, the isolation probes see
/// each that lets a tenant through, and the SQL that the checks advise closes it. A hole lives in a transaction that is
/// rolled back, and is looked at as the runtime role in that transaction.
/// </summary>
public sealed class PlantedFaultTests(WalledHome home) : IClassFixture<WalledHome>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("control")]
    [InlineData("shared")]
    [InlineData("schema")]
    [InlineData("database")]
    public async Task A_hole_around_any_table_is_found_and_mended_as_advised(string name)
    {
        var place = home[name];
        await using var superuser = await place.SuperuserAsync();
        var all = await Relation.AllAsync(superuser, place.Schema);
        var tally = new Tally();
        foreach (var table in all)
        {
            foreach (var hole in Holes.Of(place, table, all).Where(hole => name is "control" or "shared" || hole.Common)) await PlantAsync(superuser, place, hole, table.Name, tally);
        }

        tally.Report($"{name}: {all.Count} tables");
    }

    [Fact]
    public async Task A_hole_in_the_role_or_the_database_is_found_and_mended_as_advised()
    {
        var tally = new Tally();
        foreach (var place in home.Places.Where(static place => place.Name is "shared" or "database"))
        {
            await using var superuser = await place.SuperuserAsync();
            foreach (var hole in Holes.Of(place, home.Home.Database.Owner)) await PlantAsync(superuser, place, hole, null, tally);
        }

        tally.Report("role and database");
    }

    [Fact]
    public async Task A_hole_in_the_role_of_a_tenants_schema_is_found_and_mended_as_advised()
    {
        var tally = new Tally();
        var place = home["schema"];
        await using var superuser = await place.SuperuserAsync();
        foreach (var hole in Holes.OfRole(place, home.Home.Database.Owner)) await PlantAsync(superuser, place, hole, null, tally);
        tally.Report("role of a schema");
    }

    /// <param name="table">The table whose probes are run, and what was made out of it; null for all.</param>
    private async Task PlantAsync(NpgsqlConnection superuser, Place place, Hole hole, string? table, Tally tally)
    {
        await using var transaction = await superuser.BeginTransactionAsync(Ct);
        await Sql.RunAsync(superuser, hole.Sql);
        await Sql.RunAsync(superuser, $"set local session authorization {place.RuntimeRole}");
        var breaches = await CheckAsync(superuser, place);
        // A hole in the role is one in every table, so where the probes need not see it they would walk them all in vain.
        var leaks = table is not null || hole.Open ? await ProbeAsync(superuser, place, table) : [];
        await Sql.RunAsync(superuser, "set local session authorization default; set local role none; set local insula.tenant = ''");

        var what = $"{place.Name} {table}: {hole.Name}";
        tally.Add(what, hole, breaches.Count > 0, leaks.Count > 0);
        try
        {
            foreach (var breach in breaches) await Sql.RunAsync(superuser, breach.Mend);
            await Sql.RunAsync(superuser, $"set local session authorization {place.RuntimeRole}");
            foreach (var left in await CheckAsync(superuser, place)) tally.Wrong.Add($"{what}: not mended as advised: {left.What}");
        }
        catch (PostgresException error)
        {
            tally.Wrong.Add($"{what}: the advice fails: {error.MessageText}: {string.Join("; ", breaches.Select(static breach => breach.Mend))}");
        }
    }

    private static Task<List<Breach>> CheckAsync(NpgsqlConnection connection, Place place) => place.Role is null
        ? CheckWalls.OfDatabaseAsync(connection, [place.Schema], Ct)
        : CheckWalls.OfSchemaAsync(connection, place.Schema, Ct);

    private async Task<IReadOnlyList<string>> ProbeAsync(NpgsqlConnection connection, Place place, string? table)
    {
        var (a, b) = (home.A.Id.ToString(), home.B.Id.ToString());
        await place.ActAsync(connection, a);
        var all = await Relation.AllAsync(connection, place.Schema);
        foreach (var relation in all.Where(relation => table is null || relation.Name.StartsWith(table, StringComparison.Ordinal)))
        {
            var leaks = await new IsolationProbes(connection, [.. all.Where(static known => known.IsTable)], relation, a, b).RunAsync(every: false);
            if (leaks.Any(static leak => !IsolationProbes.IsKnown(leak))) return leaks;
        }

        return [];
    }

    private sealed class Tally
    {
        private readonly List<string> _planted = [];
        private int _checked;
        private int _probed;
        private int _open;

        public List<string> Wrong { get; } = [];

        public void Add(string what, Hole hole, bool byCheck, bool byProbes)
        {
            _planted.Add(what);
            if (byCheck) _checked++;
            if (byProbes) _probed++;
            if (hole.Open) _open++;
            if (!byCheck) Wrong.Add($"{what}: the checks of a start do not see it");
            if (hole.Open && !byProbes) Wrong.Add($"{what}: the isolation probes do not see it");
        }

        public void Report(string of)
        {
            TestContext.Current.SendDiagnosticMessage(
                $"planted faults, {of}: {_checked} / {_planted.Count} caught by the checks of a start; {_probed} by the isolation probes, which must see {_open}");
            Assert.True(Wrong.Count == 0, string.Join('\n', Wrong));
        }
    }
}
