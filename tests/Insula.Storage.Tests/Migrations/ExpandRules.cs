using System.Text.RegularExpressions;

namespace Insula.Storage.Tests.Migrations;

/// <summary>
/// What a step of the phase <c>expand</c> may say: only what the program before it does not notice. That program reads and
/// writes the same tables until its last node is replaced, and after a step back for longer. The rules are a list of what
/// is allowed, so that a kind of statement nobody thought of is refused.
/// </summary>
internal static partial class ExpandRules
{
    public static IReadOnlyList<string> Broken(string sql)
    {
        HashSet<string> made = [];
        List<string> broken = [];
        foreach (var statement in Statements(sql))
        {
            if (MadeTable().Match(statement) is { Success: true } table) made.Add(table.Groups["name"].Value);
            else if (Why(statement, made) is { } why) broken.Add($"{why}: {(statement.Length > 100 ? statement[..100] + "…" : statement)}");
        }

        return broken;
    }

    private static string? Why(string statement, HashSet<string> made)
    {
        if (statement.Contains("concurrently", StringComparison.Ordinal)) return "a step is a transaction, and 'concurrently' cannot be in one";
        if (Index().Match(statement) is { Success: true } index)
        {
            return index.Groups["unique"].Success && !made.Contains(index.Groups["table"].Value)
                ? "a unique index refuses rows that the program before writes"
                : null;
        }

        if (AlterTable().Match(statement) is { Success: true } alter)
        {
            return made.Contains(alter.Groups["table"].Value) ? null : Parts(alter.Groups["actions"].Value).Select(WhyNot).FirstOrDefault(static why => why is not null);
        }

        return Harmless().IsMatch(statement) ? null : "only new tables, columns, indexes, sequences, comments and filling them are an expansion";
    }

    private static string? WhyNot(string action)
    {
        if (SetDefault().IsMatch(action)) return null;
        if (!AddColumn().IsMatch(action)) return "the program before counts on the table as it is";
        if (Rewrites().IsMatch(action)) return "such a default rewrites the whole table under a lock";
        if (NotNull().IsMatch(action) && Default().Match(action) is not { Success: true, Groups: [_, { Value: not "null" }] }) return "the program before gives the new column no value";
        return Constraint().IsMatch(action) ? "a constraint may refuse what the program before does" : null;
    }

    /// <summary>In lower case, with single spaces, without comments, and with the insides of texts left out.</summary>
    private static string[] Statements(string sql) =>
        Spaces().Replace(TextsAndComments().Replace(sql, static match => match.Value.StartsWith('-') || match.Value.StartsWith('/') ? " " : "''"), " ")
            .ToLowerInvariant().Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The actions of one alter table: separated by commas outside of brackets.</summary>
    private static IEnumerable<string> Parts(string actions)
    {
        var (depth, start) = (0, 0);
        for (var i = 0; i < actions.Length; i++)
        {
            if (actions[i] == '(') depth++;
            if (actions[i] == ')') depth--;
            if (actions[i] != ',' || depth > 0) continue;
            yield return actions[start..i].Trim();
            start = i + 1;
        }

        yield return actions[start..].Trim();
    }

    private const RegexOptions Options = RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking;

    [GeneratedRegex(@"--[^\n]*|/\*(.|\n)*?\*/|'([^']|'')*'", Options)]
    private static partial Regex TextsAndComments();

    [GeneratedRegex(@"\s+", Options)]
    private static partial Regex Spaces();

    [GeneratedRegex(@"^create table (if not exists )?(?<name>\w+) \(", Options)]
    private static partial Regex MadeTable();

    [GeneratedRegex(@"^create (?<unique>unique )?index (if not exists )?\w+ on (?<table>\w+) ", Options)]
    private static partial Regex Index();

    [GeneratedRegex(@"^alter table (if exists )?(only )?(?<table>\w+) (?<actions>.*)$", Options)]
    private static partial Regex AlterTable();

    [GeneratedRegex(@"^(create sequence|comment on|insert into|update) ", Options)]
    private static partial Regex Harmless();

    [GeneratedRegex(@"^alter (column )?\w+ set default ", Options)]
    private static partial Regex SetDefault();

    [GeneratedRegex("^add column ", Options)]
    private static partial Regex AddColumn();

    [GeneratedRegex(@"\b(serial|bigserial|identity|nextval|\w*random\w*|clock_timestamp|\w*uuid\w*|generated)\b", Options)]
    private static partial Regex Rewrites();

    [GeneratedRegex(@"\bnot null\b", Options)]
    private static partial Regex NotNull();

    [GeneratedRegex(@"\bdefault (?<value>\S+)", Options)]
    private static partial Regex Default();

    [GeneratedRegex(@"\b(references|unique|primary key|check|constraint|exclude)\b", Options)]
    private static partial Regex Constraint();
}
