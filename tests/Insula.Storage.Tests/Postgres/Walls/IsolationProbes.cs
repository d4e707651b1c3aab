using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>
/// Statements that somebody who writes raw SQL as tenant A might try on one relation to reach a row of B, and what each may
/// answer. They leave nothing behind: each runs to a savepoint. What gets through is told as a sentence.
/// </summary>
/// <param name="connection">Acts for A, in a transaction.</param>
/// <param name="all">Every relation of the schema.</param>
internal sealed class IsolationProbes(NpgsqlConnection connection, IReadOnlyList<Relation> all, Relation relation, string a, string b)
{
    private readonly RowMaker _rows = new(all, relation);
    private readonly List<string> _leaks = [];

    /// <summary>Keys that tell one tenant that another uses a value. Each has its reason where the start lets it pass.</summary>
    public static readonly string[] KnownOracles = ["insula_control.api_keys: unique (handle)"];

    /// <summary>Statements tried so far.</summary>
    public int Tried { get; private set; }

    private string Key => relation.Key ?? "'platform'";

    /// <summary>True of rows that A must not see.</summary>
    private string Foreign => relation.Key is null ? "ctid is not null" : $"{relation.Key} is distinct from '{a}'";

    /// <summary>Whether it is one of the oracles that have a reason.</summary>
    public static bool IsKnown(string leak) => KnownOracles.Any(known => leak.StartsWith(known, StringComparison.Ordinal));

    /// <param name="every">False to end soon after the first that gets through.</param>
    public async Task<IReadOnlyList<string>> RunAsync(bool every = true)
    {
        Func<Task>[] groups = relation.IsTable
            ? [ReadsAsync, ReadsForChangeAsync, CopiesAsync, ChangesAsync, InsertsAsync, UniquesAsync, ReferencesAsync, MergesAsync, WallsAsync]
            : [ReadsAsync];
        foreach (var group in groups)
        {
            await group();
            if (!every && _leaks.Exists(static leak => !IsKnown(leak))) break;
        }

        return _leaks;
    }

    private async Task ReadsAsync()
    {
        await OwnRowsAsync("select", $"select {Key} from {relation.Name}");
        await OwnRowsAsync("select only", $"select {Key} from only {relation.Name}");
        await OwnRowsAsync("cursor", $"declare probe cursor for select {Key} from {relation.Name}; fetch all from probe");
        if (relation.Kind is not 'r') return;
        await OwnRowsAsync("sample", $"select {Key} from {relation.Name} tablesample system (100)");
        await NoneAsync("statistics", $"select count(*) from pg_stats where format('%I.%I', schemaname, tablename) = '{relation.Name}'");
        await NoneAsync("count", $"select count(*) from {relation.Name} where {Foreign}");
        await NoneAsync("aggregate", $"select coalesce(max(1), 0) from {relation.Name} where {Foreign}");
        await NoneAsync("exists", $"select exists (select 1 from {relation.Name} where {Foreign})::int");
        await NoneAsync("group", $"select count(*) from (select {Key} k from {relation.Name} group by 1) g where k is distinct from '{a}'");
        await NoneAsync("self join", $"select count(*) from {relation.Name} x full join {relation.Name} y on false where x.ctid is null and {Foreign.Replace("ctid", "y.ctid").Replace("tenant_id", "y.tenant_id").Replace("trail", "y.trail")}");
        // A condition that fails tells that it was asked about a row.
        await NoneAsync("failing condition", $"select count(*) from {relation.Name} where 1 / (case when {Foreign} then 0 else 1 end) = 0");
        foreach (var unique in relation.Uniques)
        {
            var named = string.Join(" and ", unique.Where(column => column != relation.Key).Select(column => $"{column} = {ValueOf(column, b, "b", 1)}").DefaultIfEmpty("true"));
            await NoneAsync("select by key", $"select count(*) from {relation.Name} where {named} and {Foreign}");
        }
    }

    private async Task ReadsForChangeAsync()
    {
        foreach (var strength in (string[])["update", "no key update", "share", "key share"])
            await OwnRowsAsync($"for {strength}", $"select {Key} from {relation.Name} for {strength} skip locked", mayBeRefused: true);
    }

    private async Task CopiesAsync()
    {
        var answer = await TryAsync(async () =>
        {
            using var reader = await connection.BeginTextExportAsync($"copy {relation.Name} to stdout", TestContext.Current.CancellationToken);
            var text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
            return text.Contains(b, StringComparison.Ordinal) || text.Contains("b-", StringComparison.Ordinal) ? "foreign rows" : "none";
        });
        Expect("copy to", answer, "none");
        answer = await TryAsync(async () =>
        {
            await using var writer = await connection.BeginTextImportAsync($"copy {relation.Name} from stdin", TestContext.Current.CancellationToken);
            await writer.WriteLineAsync("x");
            return "taken";
        });
        Expect("copy from", answer, PostgresErrorCodes.FeatureNotSupported);
    }

    private async Task ChangesAsync()
    {
        var column = relation.Columns.First(column => column.Name != relation.Key).Name;
        await OwnRowsAsync("update returning", $"update {relation.Name} set {column} = {column} returning {Key}", mayBeRefused: true);
        await NoneAsync("update", $"with u as (update {relation.Name} set {column} = {column} where {Foreign} returning 1) select count(*) from u");
        await NoneAsync("delete", $"with d as (delete from {relation.Name} where {Foreign} returning 1) select count(*) from d");
        Nothing("delete counted", await CountAsync($"delete from {relation.Name} where {Foreign}"));
        Nothing("update counted", await CountAsync($"update {relation.Name} set {column} = {column} where {Foreign}"));
        if (relation.Key is not null)
            Expect("give away", await CountAsync($"update {relation.Name} set {relation.Key} = '{b}'"), PostgresErrorCodes.InsufficientPrivilege);
    }

    private async Task InsertsAsync()
    {
        // As B: refused before the table says whether the row is there.
        var foreign = _rows.Insert(b, "b", 1);
        var random = _rows.Insert(b, "random", 77);
        List<(string Name, string Tail)> ways = [("insert", ""), ("insert returning", $" returning {Key}"), ("insert or nothing", " on conflict do nothing")];
        if (relation.Uniques.Count > 0)
            ways.Add(("insert or update", $" on conflict ({string.Join(", ", relation.Uniques[0])}) do update set {relation.Columns[^1].Name} = excluded.{relation.Columns[^1].Name}"));
        foreach (var (name, tail) in ways)
        {
            Expect($"{name} as B, of B's key", await CountAsync(foreign + tail), PostgresErrorCodes.InsufficientPrivilege);
            Expect($"{name} as B", await CountAsync(random + tail), PostgresErrorCodes.InsufficientPrivilege);
        }
    }

    /// <summary>As A, with a key of B's and with one of nobody's: the answers must be the same.</summary>
    private async Task UniquesAsync()
    {
        if (relation.Key is null) return;
        foreach (var unique in relation.Uniques)
        {
            var columns = unique.Where(column => column != relation.Key).ToList();
            if (columns.Count == 0) continue;
            foreach (var tail in (string[])["", " on conflict do nothing"])
            {
                var taken = await CountAsync(Own(columns, "b", 1) + tail);
                var free = await CountAsync(Own(columns, "random", 78) + tail);
                Expect($"unique ({string.Join(", ", unique)}){tail}", taken, free);
            }

            var by = string.Join(", ", columns.Select(column => $"{column} = {ValueOf(column, a, "b", 1)}"));
            var byNobody = string.Join(", ", columns.Select(column => $"{column} = {ValueOf(column, a, "random", 78)}"));
            Expect(
                $"unique ({string.Join(", ", unique)}) by update",
                await CountAsync($"update {relation.Name} set {by} where ctid = (select ctid from {relation.Name} limit 1)"),
                await CountAsync($"update {relation.Name} set {byNobody} where ctid = (select ctid from {relation.Name} limit 1)"));
        }

        string Own(List<string> columns, string tag, int number) =>
            _rows.Insert(a, "own", 79, Parents().Concat(columns.Select(column => KeyValuePair.Create(column, ValueOf(column, a, tag, number)))).GroupBy(static pair => pair.Key).ToDictionary(static g => g.Key, static g => g.Last().Value));
    }

    private async Task ReferencesAsync()
    {
        if (relation.Key is null) return;
        foreach (var reference in relation.References)
        {
            var columns = reference.Columns.Where(column => column != relation.Key).ToList();
            if (columns.Count == 0) continue;
            Expect($"reference {reference.Name}", await CountAsync(Child("b", 1)), await CountAsync(Child("random", 78)));
            Expect(
                $"reference {reference.Name} by update",
                await CountAsync($"update {relation.Name} set {Set("b", 1)}"),
                await CountAsync($"update {relation.Name} set {Set("random", 78)}"));

            string Child(string tag, int number) => _rows.Insert(a, "own", 79, columns.ToDictionary(static column => column, column => ValueOf(column, a, tag, number)));
            string Set(string tag, int number) => string.Join(", ", columns.Select(column => $"{column} = {ValueOf(column, a, tag, number)}"));
        }
    }

    private async Task MergesAsync()
    {
        // Without a condition on the table's columns the rows are refused one by one, as they are met.
        Nothing("merge delete of all", await CountAsync($"merge into {relation.Name} t using (values (1)) s (k) on true when matched then delete"));
        var on = relation.Key is null ? "true" : $"t.{relation.Key} = s.k";
        Nothing("merge delete", await CountAsync($"merge into {relation.Name} t using (values ('{b}')) s (k) on {on} when matched then delete"));
        Nothing("merge update", await CountAsync($"merge into {relation.Name} t using (values ('{b}')) s (k) on {on} when matched then update set {relation.Columns[^1].Name} = t.{relation.Columns[^1].Name}"));
        foreach (var (tag, number) in ((string, int)[])[("b", 1), ("random", 77)])
        {
            Expect(
                $"merge insert as B {tag}",
                await CountAsync($"merge into {relation.Name} t using (values ('{b}')) s (k) on false when not matched then insert ({string.Join(", ", relation.Columns.Select(static column => column.Name))}) values ({string.Join(", ", _rows.Values(b, tag, number))})"),
                PostgresErrorCodes.InsufficientPrivilege);
        }
    }

    /// <summary>What only an owner may do to a table.</summary>
    private async Task WallsAsync()
    {
        foreach (var statement in (string[])
        [
            $"truncate {relation.Name}",
            $"truncate {relation.Name} cascade",
            $"alter table {relation.Name} disable row level security",
            $"alter table {relation.Name} no force row level security",
            $"drop policy tenant_isolation on {relation.Name}",
            $"create policy mine on {relation.Name} using (true)",
            $"set local row_security = off; select 1 from {relation.Name}",
            $"drop table {relation.Name} cascade",
        ])
        {
            Expect(statement, await CountAsync(statement), PostgresErrorCodes.InsufficientPrivilege);
        }
    }

    /// <summary>Rows of A that stand in A's parents, for the columns of references.</summary>
    private Dictionary<string, string> Parents() => relation.References
        .SelectMany(static reference => reference.Columns)
        .Where(column => column != relation.Key)
        .Distinct()
        .ToDictionary(static column => column, column => ValueOf(column, a, "a", 1));

    private string ValueOf(string column, string tenant, string tag, int number) => _rows.Literal(relation.Columns.Single(known => known.Name == column), tenant, tag, number);

    private Task<bool> MayChangeAsync() => Sql.FirstAsync<bool>(connection, $"select has_table_privilege('{relation.Name}', 'update')");

    /// <summary>Every row is A's, and A sees all of its own.</summary>
    /// <param name="mayBeRefused">Whether it takes the right to change rows, which A does not have everywhere.</param>
    private async Task OwnRowsAsync(string probe, string sql, bool mayBeRefused = false)
    {
        var expected = relation.Key is null ? 0 : relation.RowsOf(WalledHome.Rows);
        var answer = await TryAsync(async () => string.Join(", ", (await Sql.TextsAsync(connection, sql)).GroupBy(static key => key).Select(static g => $"{g.Count()} of {g.Key}")));
        var refused = answer == PostgresErrorCodes.InsufficientPrivilege && (!relation.IsTable || (mayBeRefused && !await MayChangeAsync()));
        if (!refused) Expect(probe, answer, expected == 0 ? "" : $"{expected} of {a}");
    }

    /// <summary>One row with the number 0.</summary>
    private async Task NoneAsync(string probe, string sql) => Nothing(probe, await TryAsync(async () => (await Sql.TextsAsync(connection, sql)).Single()));

    /// <summary>The number of rows that a statement changed, or the code of its error with what it tells.</summary>
    private Task<string> CountAsync(string sql) => TryAsync(async () => (await Sql.RunAsync(connection, sql)).ToString());

    private async Task<string> TryAsync(Func<Task<string>> act)
    {
        Tried++;
        await Sql.RunAsync(connection, "savepoint probe");
        string answer;
        try
        {
            answer = await act();
        }
        catch (PostgresException error)
        {
            // What a refusal says beside its code may tell a row that is there from one that is not.
            answer = error.SqlState == PostgresErrorCodes.InsufficientPrivilege ? error.SqlState : $"{error.SqlState} {error.ConstraintName}";
            if (error.SqlState == PostgresErrorCodes.FeatureNotSupported) answer = error.SqlState;
        }

        await Sql.RunAsync(connection, "rollback to savepoint probe");
        return answer;
    }

    /// <summary>No row, or no right to ask.</summary>
    private void Nothing(string probe, string answer) => Expect(probe, answer, answer == PostgresErrorCodes.InsufficientPrivilege ? answer : "0");

    private void Expect(string probe, string answer, string expected)
    {
        if (answer != expected) _leaks.Add($"{relation.Name}: {probe}: '{answer}' instead of '{expected}'");
    }
}
