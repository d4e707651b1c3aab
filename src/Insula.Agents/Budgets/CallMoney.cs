using Insula.Agents.Models;
using Insula.Tenancy.Prices;

namespace Insula.Agents.Budgets;

/// <summary>
/// What is held for one model call, while its answer streams. Two things are learnt on the way. When the provider says what
/// it took in, which is less than was estimated, the rest comes back; what the output may cost stays, for a token that has
/// come is one that cannot come any more, and the sum of the two is what it was. And an answer that has surely cost more
/// than it may is to be cut: the provider does not heed the longest output that it was told. What is not certain cuts nothing.
/// </summary>
/// <param name="micros">What is held before the call.</param>
/// <param name="outputTokensMax">What the provider was told.</param>
/// <param name="inputTokensLeast">With less input than that, a report is no count: some servers send one before they have counted.</param>
/// <param name="lower">Lowers what is held to so much. It does not fail.</param>
internal sealed class CallMoney(Price price, long micros, int outputTokensMax, Func<long> inputTokensLeast, Func<long, Task> lower)
{
    /// <summary>Less of the hold than that is not worth a trip to the store.</summary>
    internal const int PercentWorthATrip = 10;

    private LeastTokens _shown;
    private LeastTokens _hidden;
    private TokenUsage _reported;
    private long? _inputTokensLeast;
    private bool _wasJudged;
    private Task _lowering = Task.CompletedTask;

    /// <summary>What is held now, or will be in a moment.</summary>
    public long Held { get; private set; } = micros;

    /// <summary>Output tokens that have come for certain.</summary>
    public long OutputTokens => Math.Max(_reported.Output, _shown.Count + _hidden.Count);

    /// <summary>The most that the call may cost: what is held, or more when the input, which is paid whatever follows, was more than it was thought to be.</summary>
    public long May { get; private set; } = micros;

    /// <summary>Takes in what has come. False when it costs more than it may.</summary>
    public bool Bears(ModelEvent item)
    {
        switch (item)
        {
            case TextDelta delta:
                _shown.Add(delta.Text);
                break;
            case HiddenDelta delta:
                _hidden.Add(delta.Text);
                break;
            case UsageReported report:
                Take(report.SoFar);
                break;
            default:
                return true;
        }

        return price.LeastOf(TakenIn, OutputTokens) <= May;
    }

    /// <summary>The stream is over: what was to come back has done so.</summary>
    public Task OverAsync() => _lowering;

    private Quantities TakenIn => new(_reported.Input, CacheRead: _reported.CacheRead, CacheWrite: _reported.CacheWrite, Requests: 1);

    private void Take(TokenUsage soFar)
    {
        _reported = soFar;
        var worst = price.WorstOf(TakenIn, outputTokensMax);
        if (!_wasJudged && soFar.Input + soFar.CacheRead + soFar.CacheWrite >= (_inputTokensLeast ??= inputTokensLeast()))
        {
            _wasJudged = true;
            if (IsWorthATrip(worst)) (Held, _lowering) = (worst, lower(worst));
        }

        May = Math.Max(Held, worst);
    }

    private bool IsWorthATrip(long worst) => worst < Held && (Int128)(Held - worst) * 100 >= (Int128)Held * PercentWorthATrip;
}
