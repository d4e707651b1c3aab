using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Agents;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Events;

/// <summary>
/// What an event says, in the vocabulary of Managed Agents (docs/reference/events.md): the closed set of types that
/// this installation writes or takes. The stored form is this JSON; the wire adds <c>id</c> and <c>processed_at</c>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(UserMessage), "user.message")]
[JsonDerivedType(typeof(UserInterrupt), "user.interrupt")]
[JsonDerivedType(typeof(UserToolConfirmation), "user.tool_confirmation")]
[JsonDerivedType(typeof(UserCustomToolResult), "user.custom_tool_result")]
[JsonDerivedType(typeof(SystemMessage), "system.message")]
[JsonDerivedType(typeof(AgentMessage), "agent.message")]
[JsonDerivedType(typeof(AgentThinking), "agent.thinking")]
[JsonDerivedType(typeof(AgentToolUse), "agent.tool_use")]
[JsonDerivedType(typeof(AgentToolResult), "agent.tool_result")]
[JsonDerivedType(typeof(AgentCustomToolUse), "agent.custom_tool_use")]
[JsonDerivedType(typeof(SessionStatusRunning), "session.status_running")]
[JsonDerivedType(typeof(SessionStatusIdle), "session.status_idle")]
[JsonDerivedType(typeof(SessionStatusRescheduled), "session.status_rescheduled")]
[JsonDerivedType(typeof(SessionStatusTerminated), "session.status_terminated")]
[JsonDerivedType(typeof(SessionRunRolledBack), "session.run_rolled_back")]
[JsonDerivedType(typeof(SessionUpdated), "session.updated")]
[JsonDerivedType(typeof(SessionForked), "session.forked")]
[JsonDerivedType(typeof(SessionDeleted), "session.deleted")]
[JsonDerivedType(typeof(SessionError), "session.error")]
[JsonDerivedType(typeof(SpanModelRequestStart), "span.model_request_start")]
[JsonDerivedType(typeof(SpanModelRequestEnd), "span.model_request_end")]
public abstract record EventBody;

/// <summary>Events that a client may send.</summary>
public abstract record InputBody : EventBody;

public sealed record UserMessage(IReadOnlyList<ContentBlock> Content) : InputBody;

/// <param name="RunId">The only run to end; null for the open one and all input before.</param>
/// <param name="Rollback">Whether the model shall see nothing more of that run.</param>
public sealed record UserInterrupt(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Id<Run>? RunId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Rollback = false) : InputBody
{
    /// <summary>Whether it is for the run that is open; one for a queued run lets the step under way go on.</summary>
    internal bool Ends(Id<Run>? open) => RunId is null || RunId == open;
}

public sealed record UserToolConfirmation(
    Id<SessionEvent> ToolUseId,
    string Result,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DenyMessage = null) : InputBody
{
    public const string Allow = "allow";
    public const string Deny = "deny";
}

public sealed record UserCustomToolResult(
    Id<SessionEvent> CustomToolUseId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ContentBlock>? Content = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? IsError = null) : InputBody;

/// <summary>Guidance from the operator of the agent in the middle of a session; goes to the model with the next turn.</summary>
public sealed record SystemMessage(IReadOnlyList<ContentBlock> Content) : InputBody;

public sealed record AgentMessage(IReadOnlyList<ContentBlock> Content) : EventBody;

public sealed record AgentThinking : EventBody;

/// <summary>The intent to run a built-in tool; written before the tool runs.</summary>
public sealed record AgentToolUse(
    string Name,
    JsonElement Input,
    string EvaluatedPermission,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ToolEvaluation? Evaluation = null) : EventBody
{
    public const string Allow = "allow";
    public const string Ask = "ask";
    public const string Deny = "deny";
}

/// <summary>Which policy gave <see cref="AgentToolUse.EvaluatedPermission"/>; under <c>auto</c> with the judgement.</summary>
public sealed record ToolEvaluation(
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AutoPermission? EvaluatedPermission = null);

/// <summary><c>allow</c>, or <c>ask</c> and <c>deny</c> with a reason code.</summary>
public sealed record AutoPermission(
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ReasonCode = null);

/// <param name="Outcome"><see cref="Unknown"/> when nobody can tell whether the call had its effect; else null.</param>
/// <param name="Steps">What another agent took to answer the call, counted as the run's own; null for other tools.</param>
/// <param name="CostMicros">What that cost in micro-dollars, counted as the run's own; null for nothing.</param>
public sealed record AgentToolResult(
    Id<SessionEvent> ToolUseId,
    IReadOnlyList<ContentBlock> Content,
    bool IsError,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Outcome = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Steps = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? CostMicros = null) : EventBody
{
    public const string Unknown = "unknown";
}

public sealed record AgentCustomToolUse(string Name, JsonElement Input) : EventBody;

public sealed record SessionStatusRunning : EventBody;

public sealed record SessionStatusIdle(StopReason StopReason) : EventBody
{
    /// <summary>Always null here: no provider of ours reports the details of a refusal.</summary>
    public JsonElement? StopDetails => null;
}

/// <summary>Why a run stopped; only <c>requires_action</c> leaves the turn open.</summary>
public sealed record StopReason(
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<Id<SessionEvent>>? EventIds = null)
{
    public const string RequiresActionType = "requires_action";

    public static StopReason EndTurn { get; } = new("end_turn");

    public static StopReason RetriesExhausted { get; } = new("retries_exhausted");

    public static StopReason Refusal { get; } = new("refusal");

    public static StopReason BudgetReached { get; } = new("budget_reached");

    public static StopReason RequiresAction(IReadOnlyList<Id<SessionEvent>> on) => new(RequiresActionType, on);
}

public sealed record SessionStatusRescheduled : EventBody;

public sealed record SessionStatusTerminated : EventBody;

/// <summary>A run was ended and is no part of the conversation any more; its events stay in the log.</summary>
public sealed record SessionRunRolledBack(Id<Run> RunId) : EventBody;

/// <summary>The session's own fields changed: the new value of each field that did, and no other.</summary>
public sealed record SessionUpdated : EventBody
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public Change<string> Title { get; init; }

    /// <summary>All of the metadata, not the patch.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public Change<JsonElement?> Budget { get; init; }

    /// <summary>All of the agent's configuration, not the change.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AgentSnapshot? Agent { get; init; }
}

/// <summary>A session's agent at one moment.</summary>
public sealed record AgentSnapshot(Id<Agent> Id, int Version, AgentDefinition Definition);

/// <summary>
/// The first event of a fork's own, an addition of ours to the vocabulary: the log before it is that of
/// <paramref name="SessionId"/> up to <paramref name="At"/>, and whatever that left open is settled here.
/// </summary>
public sealed record SessionForked(Id<Session> SessionId, long At) : EventBody;

public sealed record SessionDeleted : EventBody;

public sealed record SessionError(ErrorDetail Error) : EventBody;

/// <param name="Type">For example <c>model_overloaded_error</c>.</param>
public sealed record ErrorDetail(string Type, string Message, RetryStatus RetryStatus);

/// <summary><c>retrying</c>, <c>exhausted</c> or <c>terminal</c>.</summary>
public sealed record RetryStatus(string Type)
{
    public static RetryStatus Retrying { get; } = new("retrying");

    public static RetryStatus Exhausted { get; } = new("exhausted");

    public static RetryStatus Terminal { get; } = new("terminal");
}

public sealed record SpanModelRequestStart : EventBody;

public sealed record SpanModelRequestEnd(Id<SessionEvent> ModelRequestStartId, bool IsError, ModelUsage ModelUsage) : EventBody
{
    /// <summary>Micro-dollars, where the request cost something: an addition of ours to the vocabulary.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? CostMicros { get; init; }

    /// <summary>The end of a request that gave no answer; what it used is not known and stands as none.</summary>
    public static SpanModelRequestEnd Failed(Id<SessionEvent> request) => new(request, IsError: true, new ModelUsage(0, 0, 0, 0));
}

/// <summary>Tokens of one model request, in the wire's names.</summary>
public sealed record ModelUsage(long InputTokens, long OutputTokens, long CacheReadInputTokens, long CacheCreationInputTokens);
