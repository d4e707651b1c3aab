using Insula.Agents.Agents;

namespace Insula.Agents.Runs;

/// <summary>What one run may take at most: the installation's limits, or less where its agent asks for less.</summary>
internal sealed record RunLimits(int Steps, TimeSpan Time, long Tokens, int Repeats, TimeSpan AnswerWait)
{
    public static RunLimits Of(RunOptions options, RunLimitsAsked? asked) => new(
        Math.Min(options.StepsMax, asked?.Steps ?? int.MaxValue),
        asked?.Seconds is { } seconds && seconds < options.RunTimeMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : options.RunTimeMax,
        Math.Min(options.RunTokensMax, asked?.Tokens ?? long.MaxValue),
        options.RepeatsMax,
        options.AnswerWait);

    /// <summary>The limit that the open run has reached at <paramref name="now"/>, of those that hold before any step.</summary>
    public RunLimit? Reached(SessionState state, DateTimeOffset now) =>
        state.ActiveFor(now) >= Time ? RunLimit.Time
        : state.Repeats >= Repeats ? RunLimit.Repeats
        : null;

    /// <summary>The limit that stands against another model call.</summary>
    public RunLimit? ReachedForModel(SessionState state) =>
        state.Steps >= Steps ? RunLimit.Steps
        : state.Tokens >= Tokens ? RunLimit.Tokens
        : null;

    /// <summary>What is left for the client to be told, with the limit and the mend.</summary>
    public string Describe(RunLimit limit) => limit switch
    {
        RunLimit.Steps => $"The run took {Steps} steps, which is the most that one run may take. Send a message to go on.",
        RunLimit.Time => $"The run worked for {Time.TotalSeconds:0} seconds, which is the longest that one run may work. Send a message to go on.",
        RunLimit.Tokens => $"The run used {Tokens} tokens, which is the most that one run may use. Send a message to go on.",
        _ => $"The run made the same tool call with the same result {Repeats} times and was stopped as a loop. Send a message that says what to do instead.",
    };
}

internal enum RunLimit
{
    Steps,
    Time,
    Tokens,
    Repeats,
}
