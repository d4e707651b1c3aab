using System.Text.Json.Serialization;

namespace Insula.Agents.Runs;

/// <summary>What becomes of a message that comes while the session has a run queued or open.</summary>
public enum InputPolicy
{
    /// <summary>It waits for the run's end, and starts the next one; what an agent does that does not say.</summary>
    [JsonStringEnumMemberName("enqueue")]
    Enqueue,

    /// <summary>It is refused, and nothing changes.</summary>
    [JsonStringEnumMemberName("reject")]
    Reject,

    /// <summary>It ends the run. What the run said and did stays in the conversation.</summary>
    [JsonStringEnumMemberName("interrupt")]
    Interrupt,

    /// <summary>It ends the run, and the model sees neither the run nor the input that began it. The log keeps both.</summary>
    [JsonStringEnumMemberName("rollback")]
    Rollback,
}
