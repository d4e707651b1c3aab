using System.Collections.Concurrent;
using System.Text;

namespace Insula.Storage.Postgres;

/// <summary>
/// A statement of the Statements folder in PostgreSQL's own form: <c>@name</c> becomes <c>$n</c>, once per text, so that
/// the driver sends it as it is. The cache is bounded by the program's own texts.
/// </summary>
/// <param name="Sql">The text with numbered parameters.</param>
/// <param name="Names">The names in the order of their numbers, which is the order in which the caller gives them.</param>
internal sealed record PgText(string Sql, IReadOnlyList<string> Names)
{
    private static readonly ConcurrentDictionary<string, PgText> Known = new(StringComparer.Ordinal);

    public static PgText Of(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        if (Known.TryGetValue(sql, out var known)) return known.InOrder(values);
        var names = new string[values.Length];
        for (var i = 0; i < values.Length; i++) names[i] = values[i].Name;
        return Known.GetOrAdd(sql, Number(sql, names));
    }

    /// <summary>Values are sent by their place: in another order each would be taken for another.</summary>
    private PgText InOrder(ReadOnlySpan<(string Name, object? Value)> values)
    {
        var same = values.Length == Names.Count;
        for (var i = 0; same && i < values.Length; i++) same = string.Equals(values[i].Name, Names[i], StringComparison.Ordinal);
        return same ? this : throw new ArgumentException($"The values of a statement come in one order everywhere, here {string.Join(", ", Names)}: {Sql}", nameof(values));
    }

    private static PgText Number(string sql, string[] names)
    {
        var text = new StringBuilder(sql.Length);
        var used = new HashSet<string>(StringComparer.Ordinal);
        var quoted = false;
        for (var i = 0; i < sql.Length; i++)
        {
            if (sql[i] == '\'') quoted = !quoted;
            if (quoted || sql[i] != '@')
            {
                text.Append(sql[i]);
                continue;
            }

            var end = i + 1;
            while (end < sql.Length && (char.IsAsciiLetterOrDigit(sql[end]) || sql[end] == '_')) end++;
            var name = sql[i..end];
            var number = Array.IndexOf(names, name) + 1;
            if (number == 0) throw new ArgumentException($"The statement names {name}, which was not given: {sql}", nameof(sql));
            used.Add(name);
            text.Append('$').Append(number);
            i = end - 1;
        }

        return used.Count == names.Length ? new(text.ToString(), names) : throw new ArgumentException($"Given and not named: {string.Join(", ", names.Except(used, StringComparer.Ordinal))}: {sql}", nameof(sql));
    }
}
