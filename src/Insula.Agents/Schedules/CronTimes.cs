using System.Globalization;
using Insula.Tenancy.Faults;
using Quartz;

namespace Insula.Agents.Schedules;

/// <summary>
/// The moments of a cron expression on a time zone's wall clock. The expression is read by Quartz, on a clock without
/// changes; what a change of the clock does is decided here and by this law:
/// with <c>*</c> for the hour, it fires whenever the wall clock shows a time that matches, so that an hour that comes twice
/// fires twice and one that is left out does not. With named hours each time of day fires once a day: one that comes twice
/// at its first coming, one that is left out at the moment when the clock is set forward.
/// Weekday and day of month, when both are given, mean either, as in every cron.
/// </summary>
internal sealed class CronTimes
{
    private const string Shape = "cron must be five fields (minute hour day month weekday), such as '30 7 * * mon-fri', or one of @hourly, @daily, @weekly, @monthly, @yearly.";

    private static readonly string[] FieldNames = ["minute", "hour", "day", "month", "weekday"];

    private static readonly string[] Weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private readonly CronExpression[] _expressions;
    private readonly TimeZoneInfo _zone;
    private readonly bool _everyHour;

    private CronTimes(CronExpression[] expressions, TimeZoneInfo zone, bool everyHour)
    {
        _expressions = expressions;
        _zone = zone;
        _everyHour = everyHour;
    }

    public static Result<CronTimes> Read(string cron, string timeZone)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var zone) || timeZone.Length > 64)
        {
            return Fault.Invalid("time_zone", "time_zone must be the name of a time zone that this server knows, such as UTC or Europe/Zurich.");
        }

        var fields = Expanded(cron).Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (cron.Length > 200 || fields.Length != FieldNames.Length) return Fault.Invalid("cron", Shape);

        // Each field alone first, so that a refusal names it.
        for (var i = 0; i < fields.Length; i++)
        {
            string[] alone = ["*", "*", "*", "*", "*"];
            alone[i] = fields[i];
            if (Parse(alone) is null) return Fault.Invalid("cron", $"The {FieldNames[i]} '{fields[i]}' of cron cannot be read. {Shape}");
        }

        if (Parse(fields) is not { } expressions) return Fault.Invalid("cron", Shape);
        var times = new CronTimes(expressions, zone, fields[1] is "*" or "*/1");
        return times.Next(DateTimeOffset.UnixEpoch) is null
            ? Fault.Invalid("cron", "cron names a day that no year has, so it would never fire.")
            : times;
    }

    /// <summary>The times of a schedule that is stored, which were read once before.</summary>
    public static CronTimes Of(ScheduleDefinition definition) => Read(definition.Cron, definition.TimeZone).Value;

    /// <summary>The first moment after <paramref name="after"/>, or null when the calendar ends before.</summary>
    public DateTimeOffset? Next(DateTimeOffset after) => _everyHour ? NextShown(after) : NextOnce(after);

    /// <summary>The shortest time between two of the next firings, by the wall clock.</summary>
    public TimeSpan ShortestGap(DateTimeOffset from, int firings)
    {
        var shortest = TimeSpan.MaxValue;
        var last = NextOnWall(from.UtcDateTime);
        for (var i = 0; i < firings && last is not null && NextOnWall(last.Value) is { } next; i++)
        {
            if (next - last.Value < shortest) shortest = next - last.Value;
            last = next;
        }

        return shortest;
    }

    private static string Expanded(string cron) => cron.Trim().ToLowerInvariant() switch
    {
        "@hourly" => "0 * * * *",
        "@daily" or "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" or "@annually" => "0 0 1 1 *",
        var fields => fields,
    };

    /// <summary>Null when it cannot be read. Two when day and weekday are both given: Quartz takes one of them.</summary>
    private static CronExpression[]? Parse(string[] fields)
    {
        if (fields.Any(static field => field.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('*' or ',' or '-' or '/')))) return null;
        if (fields[2].Any(char.IsAsciiLetter) || WeekdayNames(fields[4]) is not { } weekday) return null;
        var time = $"0 {fields[0]} {fields[1]}";
        string[] texts = (fields[2], weekday) switch
        {
            (_, "*") => [$"{time} {fields[2]} {fields[3]} ?"],
            ("*", _) => [$"{time} ? {fields[3]} {weekday}"],
            _ => [$"{time} {fields[2]} {fields[3]} ?", $"{time} ? {fields[3]} {weekday}"],
        };
        try
        {
            return [.. texts.Select(static text => new CronExpression(text.ToUpperInvariant()) { TimeZone = TimeZoneInfo.Utc })];
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Weekdays from 0 or 7 (Sunday) as names: Quartz counts them from 1.</summary>
    private static string? WeekdayNames(string field)
    {
        if (field == "*") return field;
        SortedSet<int> days = [];
        foreach (var part in field.Split(','))
        {
            var (range, step) = part.Split('/') is [var left, var right] ? (left, right) : (part, null);
            var everyDays = 1;
            if (step is not null && (!int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out everyDays) || everyDays is < 1 or > 7)) return null;
            var ends = range == "*" ? [0, 6] : range.Split('-').Select(WeekdayOf).ToArray();
            if (ends.Length > 2 || ends.Contains(-1)) return null;
            var last = ends.Length == 2 ? ends[1] : step is null ? ends[0] : 6;
            if (last < ends[0]) last += 7;
            for (var day = ends[0]; day <= last; day += everyDays) days.Add(day % 7);
        }

        return string.Join(',', days.Select(static day => Weekdays[day]));
    }

    private static int WeekdayOf(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number <= 7 ? number : -1
        : Array.IndexOf(Weekdays, text.ToUpperInvariant());

    private DateTime? NextOnWall(DateTime after)
    {
        DateTime? first = null;
        foreach (var expression in _expressions)
        {
            if (expression.GetTimeAfter(new DateTimeOffset(after, TimeSpan.Zero)) is { } next && !(next.UtcDateTime >= first)) first = next.UtcDateTime;
        }

        return first;
    }

    /// <summary>Each time of day once a day. The moments grow with the wall times, so the first that lies after is the next.</summary>
    private DateTimeOffset? NextOnce(DateTimeOffset after)
    {
        var wall = after.UtcDateTime + OffsetAt(after.UtcDateTime);
        while (NextOnWall(wall) is { } next)
        {
            if (MomentOf(next) is var moment && moment > after) return moment;
            wall = next;
        }

        return null;
    }

    private DateTimeOffset MomentOf(DateTime wall)
    {
        var (before, after) = (OffsetAt(wall - Day), OffsetAt(wall + Day));
        var (early, late) = (wall - before, wall - after);
        if (late < early) (early, late) = (late, early);
        if (early + OffsetAt(early) == wall) return Utc(early);
        return Utc(late + OffsetAt(late) == wall ? late : ChangeBetween(early, late));
    }

    /// <summary>Whenever the wall clock shows a time that matches.</summary>
    private DateTimeOffset? NextShown(DateTimeOffset after)
    {
        var from = after.UtcDateTime;
        var offset = OffsetAt(from);
        if (NextOnWall(from + offset) is not { } wall) return null;
        var moment = wall - offset;
        if (OffsetAt(moment) == offset) return Utc(moment);

        // The clock changes on the way there. From the change on, the wall shows other times: perhaps some of them again.
        var start = moment - Day > from ? moment - Day : from;
        if (OffsetAt(start) == OffsetAt(moment)) return Utc(wall - OffsetAt(moment));
        var change = ChangeBetween(start, moment);
        var changed = OffsetAt(change);
        return NextOnWall(change + changed - TimeSpan.FromTicks(1)) is { } next ? Utc(next - changed) : null;
    }

    /// <summary>The first moment of the offset that holds at <paramref name="end"/> and not at <paramref name="start"/>.</summary>
    private DateTime ChangeBetween(DateTime start, DateTime end)
    {
        var offset = OffsetAt(end);
        while (end - start > TimeSpan.FromTicks(1))
        {
            var middle = start + ((end - start) / 2);
            if (OffsetAt(middle) == offset) end = middle;
            else start = middle;
        }

        return end;
    }

    private TimeSpan OffsetAt(DateTime utc) => _zone.GetUtcOffset(DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    private static DateTimeOffset Utc(DateTime moment) => new(DateTime.SpecifyKind(moment, DateTimeKind.Utc));
}
