namespace Insula.Tenancy.Time;

/// <summary>Times as the stores keep them, so that an object reads back equal to what its maker returned.</summary>
public static class StoredTime
{
    /// <summary>Now, in whole microseconds.</summary>
    public static DateTimeOffset NowInMicroseconds(this TimeProvider time) => time.GetUtcNow().InMicroseconds();

    /// <summary>The same moment in UTC, cut to whole microseconds.</summary>
    public static DateTimeOffset InMicroseconds(this DateTimeOffset moment)
    {
        var utc = moment.ToUniversalTime();
        return utc.AddTicks(-(utc.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
