using System.Diagnostics;
using System.Globalization;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Npgsql;

namespace Insula.Benchmarks;

/// <summary>
/// Event appends on PostgreSQL, 1 KB each, durable before the acknowledgement, beside <c>pgbench</c> inserting a bare row
/// of 1 KB on the same server. The bare row is a floor, not a rival: an append takes the session's row, numbers the event,
/// writes it with its indexes under its policy, and brings the session up to date.
/// </summary>
internal static class DatabaseBench
{
    private const int Together = 16;

    public static async Task<IReadOnlyList<Slice>> MeasureAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var home = await PostgresHome.StartAsync(ct);
        var script = await PrepareBareAsync(home, ct);
        var tenants = new List<(TenantScope Scope, Id<Session>[] Sessions)>();
        for (var i = 0; i < Together; i++)
        {
            var scope = SystemTask.Provision.For((await home.AddTenantAsync(Placement.Shared, ct)).Id);
            tenants.Add((scope, await AppendBench.AddSessionsAsync(home.Stores, scope, Together, ct)));
        }

        var own = SystemTask.Provision.For((await home.AddTenantAsync(Placement.Schema, ct)).Id);
        var ownSessions = await AppendBench.AddSessionsAsync(home.Stores, own, Together, ct);
        return await Slices.TakeTurnsAsync(
            rounds,
            ($"pgbench, bare insert, c={Together}", () => PgbenchAsync(home, script, Together, slice, ct), null),
            ($"append, shared, {Together} tenants, c={Together}", () => ManyAsync(home, tenants, slice, ct), Environment.ProcessId),
            ($"append, shared, one tenant, c={Together}", () => AppendBench.AppendForAsync(home.Stores, tenants[0].Scope, tenants[0].Sessions, slice, ct), Environment.ProcessId),
            ($"append, schema, one tenant, c={Together}", () => AppendBench.AppendForAsync(home.Stores, own, ownSessions, slice, ct), Environment.ProcessId),
            ("pgbench, bare insert, c=1", () => PgbenchAsync(home, script, 1, slice, ct), null),
            ("append, shared, c=1", () => AppendBench.AppendForAsync(home.Stores, tenants[0].Scope, tenants[0].Sessions[..1], slice, ct), Environment.ProcessId));
    }

    private static async Task<string> PrepareBareAsync(PostgresHome home, CancellationToken ct)
    {
        await using var superuser = new NpgsqlConnection(home.Database.SuperuserConnectionString);
        await superuser.OpenAsync(ct);
        await using var table = new NpgsqlCommand("create schema bare; create table bare.rows (id bigserial primary key, body text not null)", superuser);
        await table.ExecuteNonQueryAsync(ct);
        var script = Path.Combine(home.Server.Folder, "insert.sql");
        await File.WriteAllTextAsync(script, $"insert into bare.rows (body) values ('{new string('x', 1024)}');\n", ct);
        return script;
    }

    private static async Task<long> ManyAsync(PostgresHome home, List<(TenantScope Scope, Id<Session>[] Sessions)> tenants, TimeSpan slice, CancellationToken ct) =>
        (await Task.WhenAll(tenants.Select(tenant => AppendBench.AppendForAsync(home.Stores, tenant.Scope, tenant.Sessions[..1], slice, ct)))).Sum();

    /// <summary>Runs pgbench for a slice; the transactions that it counted.</summary>
    private static async Task<long> PgbenchAsync(PostgresHome home, string script, int clients, TimeSpan slice, CancellationToken ct)
    {
        var seconds = Math.Max(1, (int)slice.TotalSeconds);
        var info = new ProcessStartInfo(home.Server.Bin("pgbench"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--no-vacuum", "--protocol", "prepared", "--client", $"{clients}", "--jobs", "1", "--time", $"{seconds}", "--file", script, home.Server.Uri(home.Database.Database),
            },
        };
        using var pgbench = Process.Start(info)!;
        var said = await pgbench.StandardOutput.ReadToEndAsync(ct);
        await pgbench.WaitForExitAsync(ct);
        const string mark = "number of transactions actually processed: ";
        var line = said.Split('\n').FirstOrDefault(static line => line.StartsWith(mark, StringComparison.Ordinal)) ?? throw new InvalidOperationException($"pgbench said: {said}");
        return long.Parse(line[mark.Length..].Split('/')[0], CultureInfo.InvariantCulture);
    }
}
