namespace Insula.Agents.Runs;

/// <summary>How runs are carried out on this node.</summary>
public sealed class RunOptions
{
    /// <summary>
    /// Runs at work at one moment over all tenants; default 256. Runs mostly wait for models, so this may be far above the
    /// number of cores. Too low makes tenants wait for each other, too high costs memory (a run holds its session's log).
    /// </summary>
    public int WorkersMax { get; set; } = 256;

    /// <summary>Steps (model and tool calls) of one run before it is stopped as a runaway; default 200. An agent may ask for less.</summary>
    public int StepsMax { get; set; } = 200;

    /// <summary>How long one run may work, waiting for people not counted; default 1 h. An agent may ask for less.</summary>
    public TimeSpan RunTimeMax { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Tokens, in and out, that the model calls of one run may use together; default 5 million. Looked at before each call. An agent may ask for less.</summary>
    public long RunTokensMax { get; set; } = 5_000_000;

    /// <summary>How often one run may make the same tool call with the same result before it counts as a loop; default 20.</summary>
    public int RepeatsMax { get; set; } = 20;

    /// <summary>How long a run waits for a confirmation or a custom tool's result; default 7 days. After it the model is told that nobody answered.</summary>
    public TimeSpan AnswerWait { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Workers that may die with a run one after the other before it is given up; default 5. A step that is done begins the count anew.</summary>
    public int AttemptsMax { get; set; } = 5;

    /// <summary>Tokens that one model call may produce; default 8192.</summary>
    public int OutputTokensMax { get; set; } = 8192;

    /// <summary>
    /// How long a model call waits for money that other steps hold before its run is stopped for want of it; default 60 s.
    /// Too short refuses people who have money, too long keeps them waiting who have none.
    /// </summary>
    public TimeSpan BudgetWait { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a stop waits for runs to leave their step; default 5 s. Steps cut off then are taken up again by the next start.</summary>
    public TimeSpan StopLimit { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a node that shares its store may work on a session without renewing its lease; default 3.5 s, renewed every
    /// second. A node that dies leaves its runs to the others after this time. Too short, and a pause of the process or of
    /// the database stops runs that were well; they go on from their logs, at the price of a model call.
    /// </summary>
    public TimeSpan LeaseLength { get; set; } = TimeSpan.FromSeconds(3.5);
}
