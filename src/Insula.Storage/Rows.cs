using System.Text.Json;
using Insula.Agents.Serialization;
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

    public static T Name<T>(this DbDataReader row, int column)
        where T : struct, Enum => NamesOf<T>.Values[row.GetString(column)];

    private static class NamesOf<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(ToName, StringComparer.Ordinal);
    }
}
