namespace Insula.Agents.Runs;

/// <summary>The moments of a run between which something becomes durable or happens outside, as the log names them at trace level.</summary>
internal enum RunPoint
{
    /// <summary>The session is claimed and nothing is written.</summary>
    Claimed,

    /// <summary>A model request is to be recorded.</summary>
    BeforeModelIntent,

    /// <summary>A model request is in the log and the model was not called.</summary>
    AfterModelIntent,

    /// <summary>The model answered, and nothing of the answer is in the log; with it the intents of its tool calls.</summary>
    BeforeModelResult,

    /// <summary>The answer is in the log.</summary>
    AfterModelResult,

    /// <summary>A tool call stands in the log and the tool was not called.</summary>
    BeforeTool,

    /// <summary>The tool answered, and the result is not in the log.</summary>
    AfterTool,

    /// <summary>The result is in the log.</summary>
    AfterToolResult,

    /// <summary>The work is done and the queue entry still there.</summary>
    BeforeSettle,
}
