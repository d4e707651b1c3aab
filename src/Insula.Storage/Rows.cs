using System.Text.Json;
using Insula.Agents.Serialization;
using Insula.Tenancy.Identity;
using Microsoft.Data.Sqlite;

namespace Insula.Storage;

/// <summary>Columns read as what they stand for.</summary>
internal static class Rows
{
    public static Id<T> Id<T>(this SqliteDataReader row, int column)
        where T : IIdentified => Tenancy.Identity.Id<T>.Parse(row.GetString(column));

    public static string? TextOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static DateTimeOffset Moment(this SqliteDataReader row, int column) => Instant.FromNumber(row.GetInt64(column));

    public static DateTimeOffset? MomentOrNull(this SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.Moment(column);

    public static T Json<T>(this SqliteDataReader row, int column) => JsonSerializer.Deserialize<T>(row.GetString(column), AgentsJson.Options)!;

    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, AgentsJson.Options);

    public static string ToName<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    public static T Name<T>(this SqliteDataReader row, int column)
        where T : struct, Enum => NamesOf<T>.Values[row.GetString(column)];

    private static class NamesOf<T>
        where T : struct, Enum
    {
        public static readonly Dictionary<string, T> Values = Enum.GetValues<T>().ToDictionary(ToName, StringComparer.Ordinal);
    }
}
