using Insula.Storage.Engine;

namespace Insula.Storage;

/// <summary>
/// Moments as stored: whole numbers of 100 nanoseconds since 1970 in UTC, the resolution of
/// <see cref="DateTimeOffset"/>, so that what is read equals what was written.
/// </summary>
internal static class Instant
{
    public const long Min = long.MinValue;
    public const long Max = long.MaxValue;

    public static long ToNumber(DateTimeOffset moment) => moment.UtcTicks - DateTime.UnixEpoch.Ticks;

    public static long? ToNumber(DateTimeOffset? moment) => moment is { } value ? ToNumber(value) : null;

    /// <summary>The moment as a parameter.</summary>
    public static object ToValue(DateTimeOffset? moment) => moment is { } value ? ToNumber(value) : Null.Long;

    public static DateTimeOffset FromNumber(long number) => new(number + DateTime.UnixEpoch.Ticks, TimeSpan.Zero);
}
