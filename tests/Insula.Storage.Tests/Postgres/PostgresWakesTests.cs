using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Insula.Agents.Sessions;
using Insula.Storage.Postgres.Wakes;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Insula.Storage.Tests.Postgres;

/// <summary>Two nodes on one database, each with its own storage: what one of them announces, the other hears.</summary>
public sealed partial class PostgresWakesTests(SharedPostgres postgres, ITestOutputHelper output) : IAsyncLifetime
{
    private readonly PostgresHome _first = new(postgres);
    private PostgresHome _second = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IWakes First => _first.Get<IWakes>();

    private IWakes Second => _second.Get<IWakes>();

    public async ValueTask InitializeAsync()
    {
        await _first.OpenAsync();
        _second = await new PostgresHome(postgres) { On = _first.Database }.OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    [Fact]
    public async Task What_one_node_announces_the_other_hears_and_itself_does_not()
    {
        using var here = await Ear.OpenAsync(First, Second);
        using var there = await Ear.OpenAsync(Second, First);
        var session = NewSession();
        Assert.Equal(First.KeyOf(session), Second.KeyOf(session));
        Assert.NotEqual(First.KeyOf(session), First.KeyOf(NewSession()));

        First.Announce(WakeTopic.Sessions, session);
        await there.HearsAsync(session);

        // The line keeps its order: what the first node hears from the second comes after its own words would have.
        var other = NewSession();
        Second.Announce(WakeTopic.Sessions, other);
        await here.HearsAsync(other);
        Assert.False(here.Heard(session));
    }

    [Fact]
    public async Task Who_listens_to_one_topic_hears_nothing_of_the_other()
    {
        using var sessions = await Ear.OpenAsync(Second, First);
        using var access = await Ear.OpenAsync(Second, First, WakeTopic.Access);
        First.Announce(WakeTopic.Access, "plans");
        await access.HearsAsync("plans");
        var session = NewSession();
        First.Announce(WakeTopic.Sessions, session);
        await sessions.HearsAsync(session);
        Assert.False(sessions.Heard("plans"));
        Assert.False(access.Heard(session));
    }

    [Fact]
    public async Task What_goes_over_the_wire_names_nobody_and_fits_into_a_message()
    {
        await using var tap = await Tap.OpenAsync(_first.Database.SuperuserConnectionString);
        using var there = await Ear.OpenAsync(Second, First);
        var sessions = Enumerable.Range(0, 3000).Select(_ => NewSession()).ToList();
        await Task.WhenAll(sessions.Chunk(100).Select(some => Task.Run(
            () =>
            {
                foreach (var session in some.Concat(some)) First.Announce(WakeTopic.Sessions, session);
            },
            Ct)));
        foreach (var session in sessions) await there.HearsAsync(session);
        while (tap.Payloads.Sum(static payload => payload.Split(',').Length) < sessions.Count) await tap.WaitAsync();

        Assert.All(tap.Payloads, static payload =>
        {
            Assert.Matches(Form(), payload);
            Assert.True(payload.Length < 8000);
        });
        Assert.True(tap.Payloads.Count < 300, $"{tap.Payloads.Count} messages for 6,000 announcements: they are not gathered.");
        Assert.DoesNotContain(sessions, session => tap.Payloads.Any(payload => payload.Contains(session[5..], StringComparison.Ordinal)));
        output.WriteLine($"6,000 announcements of 3,000 sessions went as {tap.Payloads.Count} messages.");

        // Who knows an id and not the installation's secret cannot tell whether it is in there.
        await using var stranger = await new PostgresHome(postgres).OpenAsync();
        Assert.NotEqual(First.KeyOf(sessions[0]), stranger.Get<IWakes>().KeyOf(sessions[0]));
    }

    [Fact]
    public async Task A_line_that_was_cut_is_taken_up_again_and_everything_may_have_changed()
    {
        using var there = await Ear.OpenAsync(Second, First);
        var everything = there.Everything;
        await using (var superuser = new NpgsqlConnection(_first.Database.SuperuserConnectionString))
        {
            await superuser.OpenAsync(Ct);
            await using var cut = new NpgsqlCommand(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and application_name = 'insula wakes'", superuser);
            Assert.Equal(4L, await cut.ExecuteScalarAsync(Ct));
        }

        var session = NewSession();
        First.Announce(WakeTopic.Sessions, session);
        await there.UntilAsync(() => there.Everything > everything);

        // The words of before may be lost with the line; those of after are not.
        using var again = await Ear.OpenAsync(Second, First);
        var next = NewSession();
        First.Announce(WakeTopic.Sessions, next);
        await again.HearsAsync(next);
    }

    [Fact]
    public async Task What_is_announced_while_the_database_is_away_goes_out_when_it_is_back()
    {
        await using var server = await PostgresServer.StartAsync(new() { Fsync = false }, Ct);
        await using var database = await server.CreateDatabaseAsync(Ct);
        await using var a = await new PostgresHome(postgres) { On = database }.OpenAsync();
        await using var b = await new PostgresHome(postgres) { On = database }.OpenAsync();
        using var there = await Ear.OpenAsync(b.Get<IWakes>(), a.Get<IWakes>());
        var everything = there.Everything;
        await server.KillAsync(Ct);
        var away = NewSession();
        a.Get<IWakes>().Announce(WakeTopic.Sessions, away);
        await server.RestartAsync(Ct);

        // Heard by name, or lost with the line; then everything may have changed.
        using var again = await Ear.OpenAsync(b.Get<IWakes>(), a.Get<IWakes>());
        await there.UntilAsync(() => there.Heard(away) || there.Everything > everything);
        var session = NewSession();
        a.Get<IWakes>().Announce(WakeTopic.Sessions, session);
        await again.HearsAsync(session);
    }

    [Fact]
    public async Task A_wake_arrives_within_milliseconds()
    {
        using var there = await Ear.OpenAsync(Second, First);
        var took = new List<double>();
        for (var i = 0; i < 300; i++)
        {
            var session = NewSession();
            var began = Stopwatch.GetTimestamp();
            First.Announce(WakeTopic.Sessions, session);
            await there.HearsAsync(session);
            took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        took.Sort();
        output.WriteLine($"Announced to heard: p50 {took[150]:0.0} ms, p99 {took[297]:0.0} ms.");
        Assert.True(took[150] < 100, $"p50 {took[150]:0.0} ms.");
    }

    [Fact]
    public async Task A_node_that_is_alone_says_nothing_of_sessions_and_begins_as_soon_as_another_one_is_there()
    {
        await using var database = await postgres.CreateDatabaseAsync(Ct);
        await using var tap = await Tap.OpenAsync(database.SuperuserConnectionString);
        var clock = new ManualClock();
        await using var alone = new PgWakes(clock, NullLogger<PgWakes>.Instance);
        alone.Open(NpgsqlDataSource.Create(database.OwnerConnectionString), [1]);
        clock.Advance(TimeSpan.FromMinutes(2));
        alone.Announce(WakeTopic.Sessions, NewSession());
        alone.Announce(WakeTopic.Access, "last");
        await tap.UntilAsync("insula_wake_access");
        Assert.DoesNotContain(tap.Said, static said => said.Channel == "insula_wake");

        await using var other = new PgWakes(clock, NullLogger<PgWakes>.Instance);
        var heard = new TaskCompletionSource<Wake>(TaskCreationOptions.RunContinuationsAsynchronously);
        other.Open(NpgsqlDataSource.Create(database.OwnerConnectionString), [1]);
        await tap.UntilAsync("insula_wake");
        using (other.Listen(WakeTopic.Sessions, wake => heard.TrySetResult(wake)))
        {
            var session = NewSession();
            alone.Announce(WakeTopic.Sessions, session);
            Assert.True((await heard.Task.WaitAsync(TimeSpan.FromSeconds(30), Ct)).Names(alone.KeyOf(session)));
        }
    }

    [GeneratedRegex("^[0-9a-f]{16}(,[0-9a-f]{16})*$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Form();

    private static string NewSession() => Id<Session>.New().ToString();

    /// <summary>What a node heard of a topic.</summary>
    private sealed class Ear : IDisposable
    {
        private readonly ConcurrentDictionary<WakeKey, bool> _keys = [];
        private readonly SemaphoreSlim _some = new(0);
        private readonly IWakes _wakes;
        private readonly IDisposable _subscription;
        private int _everything;

        private Ear(IWakes wakes, WakeTopic topic)
        {
            _wakes = wakes;
            _subscription = wakes.Listen(topic, Hear);
        }

        public int Everything => Volatile.Read(ref _everything);

        /// <summary>An ear that certainly hears: the line is up as soon as anything came over it.</summary>
        public static async Task<Ear> OpenAsync(IWakes wakes, IWakes from, WakeTopic topic = WakeTopic.Sessions)
        {
            var ear = new Ear(wakes, topic);
            var probe = NewSession();
            while (!ear.Heard(probe))
            {
                from.Announce(topic, probe);
                await ear._some.WaitAsync(TimeSpan.FromMilliseconds(200), Ct);
            }

            return ear;
        }

        public bool Heard(string subject) => _keys.ContainsKey(_wakes.KeyOf(subject));

        public Task HearsAsync(string subject) => UntilAsync(() => Heard(subject));

        public async Task UntilAsync(Func<bool> happened)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            limit.CancelAfter(TimeSpan.FromSeconds(30));
            while (!happened()) await _some.WaitAsync(limit.Token);
        }

        public void Dispose() => _subscription.Dispose();

        private void Hear(Wake wake)
        {
            if (wake.Keys is null) Interlocked.Increment(ref _everything);
            else foreach (var key in wake.Keys) _keys[key] = true;
            _some.Release();
        }
    }

    /// <summary>Somebody who reads along.</summary>
    private sealed class Tap(NpgsqlConnection connection) : IAsyncDisposable
    {
        /// <summary>What was said on any channel.</summary>
        public ConcurrentQueue<(string Channel, string Payload)> Said { get; } = [];

        /// <summary>The keys of sessions that were said.</summary>
        public List<string> Payloads => [.. Said.Where(static said => said is { Channel: "insula_wake", Payload: not "*" }).Select(static said => said.Payload)];

        public static async Task<Tap> OpenAsync(string address)
        {
            var connection = new NpgsqlConnection(address);
            var tap = new Tap(connection);
            await connection.OpenAsync(Ct);
            await using var listen = new NpgsqlCommand("listen insula_wake; listen insula_wake_access", connection);
            connection.Notification += (_, said) => tap.Said.Enqueue((said.Channel, said.Payload));
            await listen.ExecuteNonQueryAsync(Ct);
            return tap;
        }

        public Task WaitAsync() => connection.WaitAsync(Ct);

        /// <summary>Until something was said there.</summary>
        public async Task UntilAsync(string channel)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            limit.CancelAfter(TimeSpan.FromSeconds(30));
            while (Said.All(said => said.Channel != channel)) await connection.WaitAsync(limit.Token);
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
