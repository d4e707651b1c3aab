using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Insula.Storage.Postgres;
using Insula.Tenancy.Placements;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>
/// How the server would run each shipped statement: as the runtime role, with row-level security on, with the plan that is
/// kept for all values, on tables with many tenants. A tenant's statement must reach its rows by an index that begins with
/// the tenant, or it would grow with the number of others.
/// </summary>
public sealed partial class StatementPlanTests(SharedPostgres postgres)
{
    private const int Tenants = 50;
    private const int RowsEach = 2_000;

    /// <summary>Not a statement of PostgreSQL's by itself.</summary>
    private static readonly Dictionary<string, string> NoStatements = new(StringComparer.Ordinal)
    {
        ["EventSql.HasPending"] = "an expression, part of others",
    };

    /// <summary>
    /// Tables of the platform that stay small, and indexes that hold few of a table's rows: they are read whole. Of
    /// run_shares_by_start only the last row is read.
    /// </summary>
    private static readonly string[] Small = ["plans", "prices", "operator_keys", "run_queue_leased", "run_queue_held", "tenants_suspended", "run_shares_by_start"];

    /// <summary>Statements that do not go by the tenant, with the column that they go by and why.</summary>
    private static readonly Dictionary<string, (string Column, string Reason)> Exceptions = new(StringComparer.Ordinal)
    {
        ["ApiKeySql.FindByHandle"] = ("handle", "whose key it is is what it asks; the handle is unique"),
        ["TenantSql.ByKey"] = ("tenant_id", "the platform walks all tenants by their ids"),
        ["StatsSql.Levels"] = ("tenant_id", "the platform walks all tenants by their ids"),
        ["TenantSql.List"] = ("created_at", "the operator's list of all tenants, by age"),
        ["RunQueueSql.All"] = ("first_mark", "the platform walks the queue by age"),
        ["RunQueueSql.UntouchedPostgres"] = ("first_mark", "the platform walks the queue by age"),
        ["RunQueueSql.StandingPostgres"] = ("tenant_id", "steps from one tenant of the queue to the next"),
        ["RunShareSql.FillPostgres"] = ("tenant_id", "steps from one tenant of the queue to the next"),
        ["RunShareSql.ChoosePostgres"] = ("tenant_id", "steps from one tenant of the queue to the next"),
        ["RunShareSql.ChooseOrWaitPostgres"] = ("tenant_id", "steps from one tenant of the queue to the next"),
        ["BillingSql.Take"] = ("due_at", "goes by the moment that the event was listed with, which few share"),
        ["BillingSql.Due"] = ("due_at", "the platform asks what is due, whosever it is"),
        ["WebhookSql.Take"] = ("due_at", "goes by the moment that the delivery was listed with, which few share"),
        ["WebhookSql.Due"] = ("due_at", "the platform asks what is due, whosever it is"),
        ["WebhookSql.Forget"] = ("created_at", "the platform forgets what is old, whosever it was"),
        ["StatsSql.Full"] = ("percent", "the operator's list of tenants near a quota"),
        ["UsageSql.ListMarked"] = ("since", "the platform asks which tenants have usage to ship, the oldest first"),
        ["ScheduleAlarmSql.DuePostgres"] = ("due_at", "the platform asks which alarms are due, whosever they are"),
        ["BudgetSql.RenewPostgres"] = ("node", "a node keeps up its own holds, whosever they are"),
        ["BudgetSql.ExpiredPostgres"] = ("expires_at", "the platform asks which holds ended, whosever they are"),
        ["RunQueueSql.DroppedPostgres"] = ("first_mark", "the platform walks the queue by age"),
    };

    /// <summary>Statements that end with a few of a tenant's rows and must not read the others: they ask the index for these too.</summary>
    private static readonly Dictionary<string, string> ByKey = new(StringComparer.Ordinal)
    {
        ["BudgetSql.EndHoldsPostgres"] = "hold_id = ANY",
    };

    /// <summary>Run once, when the only node of an embedded store starts; or now and then, to count all of a table for the metrics.</summary>
    private static readonly string[] OnceOnly = ["RunQueueSql.ReleaseAll", "RunQueueSql.DepthPostgres", "BudgetSql.CountHolds", "UsageSql.CountMarked", "UsageSql.MarkQueued", "UsageSql.Top", "StatsSql.Total", "StatsSql.Busiest", "WebhookSql.Tenants", "WebhookSql.Count", "BillingSql.Customers", "BillingSql.Count"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_shipped_statement_reaches_its_rows_by_an_index_that_begins_with_the_tenant()
    {
        await using var home = await new PostgresHome(postgres).OpenAsync();
        await using var superuser = await Sql.OpenAsync(home.Database.SuperuserConnectionString + ";Pooling=false;Command Timeout=300");
        await FillAsync(superuser);
        await Sql.RunAsync(superuser, $"set session authorization {PgNames.RuntimeRoleOf(home.Database.Database)}");
        await AssertByTenantAsync(superuser);
    }

    /// <summary>A connection keeps its plans, those too that it made when there was next to nothing to read.</summary>
    [Fact]
    public async Task A_plan_that_is_made_while_tables_are_empty_is_the_one_for_full_tables()
    {
        await using var home = await new PostgresHome(postgres).OpenAsync();
        await using var own = home.Get<PostgresStorage>().ServerOf(PlacementOptions.MainServer).RuntimeOf(home.Database.Database);
        await using var connection = await own.OpenConnectionAsync(Ct);
        await AssertByTenantAsync(connection);
    }

    private static async Task AssertByTenantAsync(NpgsqlConnection connection)
    {
        await Sql.RunAsync(
            connection,
            $"""
            set search_path = {PgNames.ControlSchema}, {PgNames.TenantsSchema};
            set insula.tenant = 't-25';
            set plan_cache_mode = force_generic_plan
            """);

        var statements = Shipped().ToList();
        Assert.True(statements.Count >= 40, $"only {statements.Count} statements");
        List<string> wrong = [];
        var scans = 0;
        foreach (var (name, sql) in statements)
        {
            foreach (var scan in await ScansAsync(connection, sql))
            {
                scans++;
                if (Complaint(name, scan) is { } complaint) wrong.Add($"{name}: {complaint}");
            }
        }

        TestContext.Current.SendDiagnosticMessage($"plans: {statements.Count} statements, {scans} scans, {wrong.Count} not by the tenant");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Empty(Exceptions.Keys.Concat(NoStatements.Keys).Except(statements.Select(static statement => statement.Name).Concat(NoStatements.Keys)));
    }

    private static string? Complaint(string statement, Scan scan)
    {
        if (Small.Contains(scan.Table) || Small.Contains(scan.Index)) return null;
        if (scan.Condition is null) return $"reads {scan.Table} from end to end ({scan.Node})";
        var column = Exceptions.TryGetValue(statement, out var exception) ? exception.Column : null;
        if (ByKey.TryGetValue(statement, out var key) && !scan.Condition.Contains(key, StringComparison.Ordinal)) return $"reads all of a tenant's {scan.Table}: {scan.Condition}";
        string[] good = column is null ? ["tenant_id =", "trail ="] : ["tenant_id =", column];
        return good.Any(part => scan.Condition.Contains(part, StringComparison.Ordinal)) ? null : $"reads {scan.Table} by {scan.Condition}";
    }

    /// <summary>Every text of the Statements folder, as PostgreSQL gets it.</summary>
    private static IEnumerable<(string Name, string Sql)> Shipped()
    {
        foreach (var type in typeof(PgText).Assembly.GetTypes().Where(static type => type.Namespace == "Insula.Storage.Statements").OrderBy(static type => type.Name, StringComparer.Ordinal))
        {
            foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(static field => field.IsLiteral))
            {
                var name = $"{type.Name}.{field.Name}";
                if (field.Name.EndsWith("Sqlite", StringComparison.Ordinal) || NoStatements.ContainsKey(name) || OnceOnly.Contains(name)) continue;
                yield return (name, (string)field.GetRawConstantValue()!);
            }
        }
    }

    private static async Task<List<Scan>> ScansAsync(NpgsqlConnection connection, string sql)
    {
        List<string> names = [];
        var numbered = Name().Replace(sql, match =>
        {
            if (!names.Contains(match.Value)) names.Add(match.Value);
            return $"${names.IndexOf(match.Value) + 1}";
        });
        await Sql.RunAsync(connection, $"prepare shipped as {numbered}");
        var values = names.Count == 0 ? "" : $"({string.Join(", ", names.Select(static _ => "null"))})";
        var plan = await Sql.FirstAsync<string>(connection, $"explain (format json, costs off) execute shipped{values}");
        await Sql.RunAsync(connection, "deallocate shipped");
        List<Scan> scans = [];
        Walk(JsonElement.Parse(plan!)[0].GetProperty("Plan"), null, scans);
        return scans;
    }

    /// <param name="table">The table of the node above, for a bitmap, which does not name its own.</param>
    private static void Walk(JsonElement node, string? table, List<Scan> scans)
    {
        var type = node.GetProperty("Node Type").GetString()!;
        table = node.TryGetProperty("Relation Name", out var named) ? named.GetString() : table;
        if (type is "Seq Scan" or "Index Scan" or "Index Only Scan" or "Bitmap Index Scan" or "Sample Scan" or "Tid Scan")
            Add(node, type, table!, scans);
        if (!node.TryGetProperty("Plans", out var plans)) return;
        foreach (var child in plans.EnumerateArray()) Walk(child, table, scans);
    }

    private static void Add(JsonElement node, string type, string table, List<Scan> scans) => scans.Add(new Scan(
        type,
        table,
        node.TryGetProperty("Index Name", out var index) ? index.GetString()! : "",
        node.TryGetProperty("Index Cond", out var condition) ? condition.GetString() : null));

    private static async Task FillAsync(NpgsqlConnection superuser)
    {
        await Sql.RunAsync(superuser, "set session_replication_role = replica; set synchronous_commit = off; set maintenance_work_mem = '128MB'");
        foreach (var schema in (string[])[PgNames.ControlSchema, PgNames.TenantsSchema])
        {
            var tables = await Relation.AllAsync(superuser, schema);
            foreach (var table in tables)
            {
                // Where the tenant is the whole key there are many tenants instead.
                var (tenants, each) = table.Key is null ? (1, 20) : table.RowsOf(RowsEach) == 1 ? (Tenants * RowsEach / 5, 1) : (Tenants, RowsEach);
                var columns = table.Columns.Select(column => Expression(tables, table, column));
                await Sql.RunAsync(
                    superuser,
                    $"insert into {table.Name} ({string.Join(", ", table.Columns.Select(static column => column.Name))}) select {string.Join(", ", columns)} from generate_series(1, {tenants}) t, generate_series(1, {each}) i; analyze {table.Name}");
            }
        }
    }

    /// <summary>Values that differ from row to row; a few of those that may be missing are. Most of the queue waits for a node.</summary>
    private static string Expression(IReadOnlyList<Relation> tables, Relation table, Column column)
    {
        if (column.Name == table.Key) return "'t-' || t";
        var value = column.Type switch
        {
            "text" => $"{new RowMaker(tables, table).Literal(column, "", "x", 0)} || '-' || t || '-' || i",
            "bigint" or "double precision" => "t::bigint * 1000000 + i",
            "integer" => "i",
            "boolean" => "i % 20 = 0",
            "bytea" => "decode(lpad(to_hex(i), 8, '0'), 'hex')",
            _ => throw new NotSupportedException($"{table.Name}.{column.Name} is a {column.Type}: say how to fill it, so that the plans of its statements are tested."),
        };
        return column.NotNull ? value : $"case when i % 20 {(column.Name == "lease_node" ? "=" : "<>")} 0 then {value} end";
    }

    [GeneratedRegex("@[a-z_0-9]+", RegexOptions.NonBacktracking)]
    private static partial Regex Name();

    /// <param name="Condition">What the index is asked for; null when the table is read whole.</param>
    private sealed record Scan(string Node, string Table, string Index, string? Condition);
}
