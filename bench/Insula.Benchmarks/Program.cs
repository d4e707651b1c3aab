using Insula.Benchmarks;

// insula-bench [all|start|runs|appends|walls|database|forks|density|steps|ledger|limits|peers] [rounds] [seconds per slice]
var which = args.ElementAtOrDefault(0) ?? "all";
var rounds = int.Parse(args.ElementAtOrDefault(1) ?? "5");
var slice = TimeSpan.FromSeconds(double.Parse(args.ElementAtOrDefault(2) ?? "3"));
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    stop.Cancel();
};

if (which is "all" or "start") await StartBench.WriteAsync(Console.Out, rounds, stop.Token);
if (which is "all" or "runs") Report.Write(Console.Out, "Runs over HTTP on insula/scripted", await RunBench.MeasureAsync(rounds, slice, stop.Token));
if (which is "all" or "appends") Report.Write(Console.Out, "Event appends to a tenant's SQLite file, 1 KB", await AppendBench.MeasureAsync(rounds, slice, stop.Token));
if (which is "all" or "walls")
{
    var (reads, writes) = await WallBench.MeasureAsync(rounds, slice, stop.Token);
    Report.Write(Console.Out, "Reads under row-level security", reads);
    Report.Write(Console.Out, "Inserts under row-level security, durable", writes);
}
if (which is "all" or "database") Report.Write(Console.Out, "Event appends on PostgreSQL, 1 KB", await DatabaseBench.MeasureAsync(rounds, slice, stop.Token));
if (which is "all" or "forks")
{
    Report.Write(Console.Out, "Forks on SQLite", await ForkBench.OnSqliteAsync(rounds, slice, stop.Token));
    Report.Write(Console.Out, "Forks on PostgreSQL", await ForkBench.OnPostgresAsync(rounds, slice, stop.Token));
}
if (which is "all" or "density") await DensityBench.WriteAsync(Console.Out, shared: 10_000, schemas: 1_000, stop.Token);
if (which is "all" or "steps") await StepBench.WriteAsync(Console.Out, rounds, slice, stop.Token);
if (which is "all" or "ledger")
{
    Report.Write(Console.Out, "Holds of budgets on SQLite", await LedgerBench.OnSqliteAsync(rounds, slice, stop.Token));
    Report.Write(Console.Out, "Holds of budgets on PostgreSQL", await LedgerBench.OnPostgresAsync(rounds, slice, stop.Token));
    Report.Write(Console.Out, "Runs with and without budgets", await LedgerBench.RunsAsync(rounds, slice, stop.Token));
}
if (which is "all" or "limits") Report.Write(Console.Out, "Keys and rate limits, in process", await LimitBench.MeasureAsync(rounds, slice, stop.Token));
if (which is "peers") await PeersBench.WriteAsync(Console.Out, rounds, slice, stop.Token);
