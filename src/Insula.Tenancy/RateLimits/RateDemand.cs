using Insula.Tenancy.Plans;

namespace Insula.Tenancy.RateLimits;

/// <summary>The classes that a call counts against at one caller, with their rates; a class without a limit is left out.</summary>
internal readonly struct RateDemand
{
    private readonly PerClass<long> _perMinute;

    public RateDemand(params ReadOnlySpan<(RateClasses Class, long PerMinute)> rates)
    {
        foreach (var (one, perMinute) in rates)
        {
            if (perMinute <= 0) continue;
            Classes |= one;
            _perMinute[RateClassList.IndexOf(one)] = perMinute;
        }
    }

    private RateDemand(RateClasses classes, PerClass<long> perMinute)
    {
        Classes = classes;
        _perMinute = perMinute;
    }

    public RateClasses Classes { get; }

    public static RateDemand Of(RateClasses classes, Limits limits)
    {
        PerClass<long> rates = default;
        var limited = RateClasses.None;
        for (var rest = classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            if (RateClassList.PerMinute(limits, one) is not (> 0 and var perMinute)) continue;
            rates[RateClassList.IndexOf(one)] = perMinute;
            limited |= one;
        }

        return new RateDemand(limited, rates);
    }

    public static RateDemand Of(RateClasses classes, CallerLimits limits)
    {
        PerClass<long> rates = default;
        var limited = RateClasses.None;
        for (var rest = classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            if (limits.PerMinute(one) is not { } perMinute) continue;
            rates[RateClassList.IndexOf(one)] = perMinute;
            limited |= one;
        }

        return new RateDemand(limited, rates);
    }

    public long PerMinute(RateClasses one) => _perMinute[RateClassList.IndexOf(one)];
}
