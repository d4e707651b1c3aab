using System.Text.Json;
using Insula.Agents.Serialization;
using Insula.Storage.Engine;
using Insula.Tenancy.Identity;

namespace Insula.Storage;

/// <summary>Columns read as what they stand for.</summary>
internal static class Rows
{
    public static Id<T> Id<T>(this DbDataReader row, int column)
        where T : IIdentified => Tenancy.Identity.Id<T>.Parse(row.GetString(column));

    public static string? TextOrNull(this DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static DateTimeOffset Moment(this DbDataReader row, int column) => Instant.FromNumber(row.GetInt64(column));

    public static DateTimeOffset? MomentOrNull(this DbDataReader row, int column) => row.IsDBNull(column) ? null : row.Moment(column);

    public static T Json<T>(this DbDataReader row, int column) => JsonSerializer.Deserialize<T>(row.GetString(column), AgentsJson.Options)!;

    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, AgentsJson.Options);

    public static string ToName<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>
    /// Names as one text, for <c>replace(@names, '|' || name || '|', '') &lt;&gt; @names</c>: the one test for "is one of"
    /// that both dialects have. Null for none.
    /// </summary>
    public static string? ToNames(IEnumerable<string>? names) => names is null ? null : $"|{string.Join("||", names)}|";

    /// <summary>One value of each row, as a parameter of PostgreSQL.</summary>
    public static TValue[] Each<TRow, TValue>(IReadOnlyList<TRow> rows, Func<TRow, TValue> value)
    {
        var values = new TValue[rows.Count];
        for (var i = 0; i < values.Length; i++) values[i] = value(rows[i]);
        return values;
    }

    /// <summary>Texts as one parameter: for <c>= any (@list)</c> on PostgreSQL, and for <c>json_each(@list)</c> on SQLite.</summary>
    public static object ToList<TRow>(Link link, IReadOnlyList<TRow> rows, Func<TRow, string> value) =>
        link.Dialect == Dialect.Postgres ? Each(rows, value) : ToJson(Each(rows, value));

    public static T Name<T>(this DbDataReader row, int column)
        where T : struct, Enum => NamesOf<T>.Values[row.GetString(column)];

    private static class NamesOf<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(ToName, StringComparer.Ordinal);
    }
}
