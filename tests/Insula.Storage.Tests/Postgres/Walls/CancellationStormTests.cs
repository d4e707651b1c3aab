using System.Collections.Concurrent;
using Insula.Storage.Engine;
using Insula.Storage.Postgres;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>
/// Units of many tenants on few connections, each cancelled after a random moment or not at all. A cancelled statement
/// leaves a half-read answer on a connection; whoever gets that connection next must read its own answer.
/// </summary>
public sealed class CancellationStormTests(SharedPostgres postgres) : IAsyncLifetime
{
    private const int Units = 20_000;
    private const int Parallel = 32;
    private const int Connections = 5;
    private const string Left = "select concat(current_setting('insula.tenant', true), current_setting('insula.platform', true), nullif(current_setting('role'), 'none'), (select min(tenant_id) from insula_tenants.environments))";
    private const int Tenants = 50;
    private const double DelayMsMin = 0.05;
    private const double DelayMsMax = 2;

    private readonly PostgresHome _home = new(postgres) { Change = static options => options with { DatabaseConnectionsMax = Connections } };
    private readonly ConnectionGate _gate = new(Connections, Connections - 1, TimeSpan.FromSeconds(60), "main", TimeProvider.System);
    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly ConcurrentDictionary<string, int> _outcomes = new();
    private PgPool _pool = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _home.OpenAsync();
        _pool = new PgPool(_home.Get<PostgresStorage>().ServerOf("main").RuntimeOf(_home.Database.Database), _gate, "main", TimeSpan.FromMinutes(1), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        _gate.Dispose();
        await _home.DisposeAsync();
    }

    [Fact]
    public async Task Every_answer_is_the_askers_own_while_others_are_cancelled_around_it()
    {
        var tenants = new List<(string Id, PgDatabase Database)>();
        for (var i = 0; i < Tenants; i++)
        {
            var placement = i % 2 == 0 ? Placement.Shared : Placement.Schema;
            var tenant = await _home.AddTenantAsync(placement);
            var database = new PgDatabase(_pool, placement == Placement.Shared ? PgScope.InTenants(tenant.Id) : PgScope.InSchema(tenant.Id));
            await database.ChangeAsync("insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at) values (@t, 'one', @t, '{}', '{}', 0, 0)", Ct, ("@t", tenant.Id.ToString()));
            tenants.Add((tenant.Id.ToString(), database));
        }

        using var storm = new Canceller();
        var next = 0;
        var start = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Parallel).Select(worker => Task.Run(
            async () =>
            {
                var random = new Random(worker);
                while (Interlocked.Increment(ref next) is var unit && unit <= Units)
                {
                    if (unit % 100 == 0) await LookAsync();
                    var (tenant, database) = tenants[random.Next(Tenants)];
                    using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Ct);
                    var delay = DelayMsMin + (random.NextDouble() * (DelayMsMax - DelayMsMin));
                    // From the moment it is asked, which is mostly a wait for a connection, or from the moment it has one.
                    var early = random.Next(4) == 0;
                    if (early) storm.Add(cancel, delay);
                    await RunAsync(random.Next(6), unit, tenant, database, () => storm.Add(cancel, early ? DelayMsMax : delay), cancel.Token);
                }
            },
            Ct)));
        var took = TimeProvider.System.GetElapsedTime(start);

        // What was written in the storm is the writer's own too.
        foreach (var (tenant, database) in tenants)
        {
            foreach (var writer in await database.AllAsync("select split_part(description, ' ', 1) from environments where description is not null", static row => row.GetString(0), Ct))
                if (writer != tenant) _wrong.Enqueue($"{tenant} has what {writer} wrote");
        }

        TestContext.Current.SendDiagnosticMessage($"storm: {Units} units of {Tenants} tenants on {Connections} connections in {took.TotalSeconds:0.0} s: {_wrong.Count} wrong; {string.Join(", ", _outcomes.OrderBy(static o => o.Key).Select(static o => $"{o.Value} {o.Key}"))}");
        Assert.True(_wrong.IsEmpty, string.Join('\n', _wrong.Take(20)));
        // A storm that cancels nothing, or everything, shows nothing. A busy machine cancels late: about one unit in seven is cancelled on a quiet one.
        Assert.InRange(_outcomes["cancelled"], Units / 100, Units * 9 / 10);
        Assert.InRange(_outcomes["answered"], Units / 10, Units * 99 / 100);
    }

    private async Task RunAsync(int kind, int unit, string tenant, PgDatabase database, Action begin, CancellationToken ct)
    {
        // Who the server says that the asker is, whose rows it shows, and the number of the question.
        const string ask = "select tenant_id, current_setting('insula.tenant', true), cast(@unit as integer) from environments";
        const string slow = "select tenant_id, current_setting('insula.tenant', true), cast(@unit as integer) from environments, pg_sleep(0.002)";
        const string write = "update environments set description = @text, updated_at = updated_at + 1";
        (string, object?) number = ("@unit", unit), text = ("@text", $"{tenant} {unit}");
        try
        {
            switch (kind)
            {
                case 0:
                    Check(tenant, unit, await database.ReadAsync(link => Begun(link).AllAsync(ask, Read, number), ct));
                    break;
                case 1:
                    Check(tenant, unit, await database.ReadAsync(link => Begun(link).AllAsync(slow, Read, number), ct));
                    break;
                case 2:
                    Check(tenant, unit, await database.ReadAsync(async link => (List<Answer>)[.. await Begun(link).AllAsync(ask, Read, number), .. await link.AllAsync(ask, Read, number)], ct), 2);
                    break;
                case 3:
                    if (await database.ChangeAsync(write, ct, text) is var changed and not 1) _wrong.Enqueue($"{tenant} changed {changed} rows");
                    break;
                case 4:
                    Check(tenant, unit, await database.WriteAsync(link => PostAsync(Begun(link)), ct));
                    break;
                default:
                    Check(tenant, unit, await database.WriteAsync(async link => (List<Answer>)[.. await Begun(link).AllAsync(ask, Read, number), .. await PostAsync(link)], ct), 2);
                    break;
            }

            Count("answered");
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            Count("cancelled");
        }
        catch (FaultException error)
        {
            // The server's word for a cancel that came after its statement and met the next one: a refusal, never an answer.
            Count(error.Fault.Code);
        }

        Link Begun(Link link)
        {
            begin();
            return link;
        }

        ValueTask<List<Answer>> PostAsync(Link link)
        {
            link.Post(write, text);
            return link.AllAsync(ask, Read, number);
        }
    }

    /// <summary>A connection that says nothing, in the middle of it all.</summary>
    private async Task LookAsync()
    {
        using var turn = await _gate.EnterAsync("", Ct);
        var left = await _pool.Connections.UseAsync(static connection => new ValueTask<string?>(Sql.FirstAsync<string>(connection, Left)), Ct);
        if (left?.Length > 0) _wrong.Enqueue($"a connection that says nothing is {left}");
        Count("looks");
    }

    private void Check(string tenant, int unit, List<Answer> answers, int count = 1)
    {
        if (answers.Count != count || answers.Any(answer => answer != new Answer(tenant, tenant, unit))) _wrong.Enqueue($"{tenant} asked {unit} and got {string.Join(", ", answers)}");
    }

    private void Count(string outcome) => _outcomes.AddOrUpdate(outcome, 1, static (_, count) => count + 1);

    private static Answer Read(System.Data.Common.DbDataReader row) => new(row.GetString(0), row.GetString(1), row.GetInt32(2));

    private sealed record Answer(string Row, string Setting, int Unit);

    /// <summary>Cancels at moments finer than a timer's: one thread looks again and again.</summary>
    private sealed class Canceller : IDisposable
    {
        private readonly ConcurrentQueue<(CancellationTokenSource Source, long Start, TimeSpan Delay)> _new = new();
        private readonly Thread _thread;
        private volatile bool _stop;

        public Canceller()
        {
            _thread = new Thread(Run) { IsBackground = true };
            _thread.Start();
        }

        public void Add(CancellationTokenSource source, double delayMs) => _new.Enqueue((source, TimeProvider.System.GetTimestamp(), TimeSpan.FromMilliseconds(delayMs)));

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
        }

        private void Run()
        {
            List<(CancellationTokenSource Source, long Start, TimeSpan Delay)> waiting = [];
            using var pause = new ManualResetEventSlim();
            while (!_stop)
            {
                while (_new.TryDequeue(out var added)) waiting.Add(added);
                waiting.RemoveAll(static entry =>
                {
                    if (TimeProvider.System.GetElapsedTime(entry.Start) < entry.Delay) return false;
                    try
                    {
                        _ = entry.Source.CancelAsync();
                    }
                    catch (ObjectDisposedException)
                    {
                        // Its unit has ended.
                    }

                    return true;
                });
                // Units start at any moment of a pause, so they are cancelled at any moment of their own.
                pause.Wait(TimeSpan.FromMilliseconds(1));
            }
        }
    }
}
