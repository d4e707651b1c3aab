using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Tools;

/// <summary>
/// <c>run_agent</c>: gives a task to another agent of the tenant, in a session of its own, and its last message back. While
/// that session works, the call waits without a worker. What the child may take is cut from what its parent has left.
/// </summary>
internal sealed class RunAgent(ITenantStores stores, ChildSessions children, RunOptions options, TimeProvider time) : BuiltInTool
{
    public const string ToolName = "run_agent";

    /// <summary>How deep agents may call agents: the session that a person talks to is at depth 0.</summary>
    public const int DepthMax = 3;

    /// <summary>Sessions that one run may start.</summary>
    public const int ChildrenMax = 16;

    private const int PromptCharsMax = 100_000;
    private const int NamesShownMax = 20;

    private static readonly string[] Telling =
        ["agent.message", "session.status_idle", "session.status_terminated", "session.error", "user.interrupt"];

    private static readonly string[] Costing = ["span.model_request_end", "agent.tool_result"];

    private static readonly JsonElement Schema = JsonElement.Parse(
        """
        {
          "type": "object",
          "properties": {
            "agent": {"type": "string", "description": "Name or id of the agent."},
            "prompt": {"type": "string", "description": "The task, with everything the agent has to know: it sees nothing of this conversation."},
            "environment": {"type": "string", "description": "Id of the environment to work in; this session's when left out."}
          },
          "required": ["agent", "prompt"],
          "additionalProperties": false
        }
        """);

    public override string Name => ToolName;

    public override string Description =>
        "Gives a task to another agent, which works on it by itself, and returns that agent's answer. Several calls in one turn are worked on at the same time.";

    public override JsonElement InputSchema => Schema;

    public override ToolRepeat Repeat => ToolRepeat.WithKey;

    public override bool OnlyByName => true;

    public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
    {
        if (call.Input.ValueKind != JsonValueKind.Object || TextOf(call.Input, "agent") is not { Length: > 0 } agent || TextOf(call.Input, "prompt") is not { Length: > 0 } prompt)
        {
            return ToolOutcome.Error("The input needs the members agent and prompt, both text that is not empty.");
        }

        if (prompt.Length > PromptCharsMax) return ToolOutcome.Error($"The prompt has {prompt.Length} characters; at most {PromptCharsMax} are allowed.");

        Session child;
        await using (var store = await stores.OpenAsync(call.Scope, ct))
        {
            if (await store.Sessions.FindAsync(ChildSessions.IdOf(call), ct) is { } begun)
            {
                var outcome = await OutcomeAsync(store, begun, ct);
                return ReferenceEquals(outcome, ToolOutcome.Pending) ? outcome : children.Answered(call, outcome);
            }

            if (await store.Sessions.FindAsync(call.Session, ct) is not { } parent || await store.Sessions.FindOpenRunAsync(call.Session, ct) is not { } run)
            {
                return ToolOutcome.Error("The session that asks is gone.");
            }

            var (made, why) = await MakeAsync(store, call, parent, run, agent, ct);
            if (made is null) return ToolOutcome.Error(why!);
            child = made;
        }

        return (await children.StartAsync(call.Scope, child, prompt, call.Principal, ct)).Failed(out var over, out _) ? ToolOutcome.Error(over.Message) : ToolOutcome.Pending;
    }

    /// <summary>What the child's log says by now.</summary>
    private static async Task<ToolOutcome> OutcomeAsync(ITenantStore store, Session child, CancellationToken ct)
    {
        if (child.ArchivedAt is null && SessionRules.HasRun(child)) return ToolOutcome.Pending;

        var page = await store.Sessions.ListEventsAsync(child, new EventFilter(Telling, TimeRange.Any, Ascending: false), new PageRequest(50, null), ct);
        var log = page.Items.SkipWhile(e => e.Body is not (SessionStatusIdle or SessionStatusTerminated or UserInterrupt)).ToList();
        var last = log.Count == 0 ? null : log[0].Body;
        var turn = log.Skip(1).TakeWhile(e => e.Body is not SessionStatusIdle { StopReason.Type: not StopReason.RequiresActionType }).Select(e => e.Body).ToList();
        var steps = await StepsAsync(store.Runs, child, ct);
        var error = turn.OfType<SessionError>().FirstOrDefault()?.Error.Message;
        var outcome = last switch
        {
            SessionStatusIdle { StopReason.Type: StopReason.RequiresActionType } => Error("The agent's session was archived before it answered.", steps),
            null or UserInterrupt => Error("The agent was interrupted before it began.", steps),
            SessionStatusTerminated => Error($"The agent's session was ended. {error}".TrimEnd(), steps),
            SessionStatusIdle idle when idle.StopReason == StopReason.Refusal => Error("The agent's model refused to answer.", steps),
            SessionStatusIdle idle when idle.StopReason != StopReason.EndTurn => Error($"The agent failed. {error}".TrimEnd(), steps),
            _ when turn.Exists(body => body is UserInterrupt) => Error("A person interrupted the agent before it had finished.", steps),
            _ => turn.OfType<AgentMessage>().FirstOrDefault() is { } message
                ? ToolOutcome.Of(string.Join('\n', message.Content.Select(b => b.Text).OfType<string>())) with { Steps = steps }
                : Error("The agent ended without an answer.", steps),
        };
        return outcome with { CostMicros = await CostAsync(store.Sessions, child, run: null, ct) };
    }

    private static ToolOutcome Error(string text, int steps) => ToolOutcome.Error(text) with { Steps = steps };

    /// <summary>The child as it shall be, or why there can be none.</summary>
    private async Task<(Session? Child, string? Why)> MakeAsync(ITenantStore store, ToolCall call, Session parent, Run run, string name, CancellationToken ct)
    {
        if (await DepthAsync(store.Sessions, parent, ct) >= DepthMax) return (null, $"Agents may call agents {DepthMax} deep, and this one is that deep already. Do the task without another agent.");
        var siblings = await store.Sessions.ListChildrenAsync(parent.Id, run.Id, ct);
        if (siblings.Count >= ChildrenMax) return (null, $"This run has called {siblings.Count} agents, which is the most that one run may call. Go on with their answers.");

        // Half of what is left, so that agents that work at the same time can never take more than there is.
        var steps = (await StepsLeftAsync(store, parent, run, siblings, ct) - 1) / 2;
        if (steps < 1) return (null, "This run has too few steps left for another agent. Go on without it.");

        var micros = parent.Agent.RunLimits?.Micros is { } most ? (most - await TakenAsync(store.Sessions, parent, run, siblings, ct)) / 2 : long.MaxValue;
        if (micros < 1) return (null, "This run has too little money left for another agent. Go on without it.");

        var (agent, noAgent) = await ChooseAsync(store.Agents, parent, name, ct);
        if (agent is null) return (null, noAgent);
        var (environment, noEnvironment) = await PlaceAsync(store.Environments, parent, TextOf(call.Input, "environment"), ct);
        if (noEnvironment is not null) return (null, noEnvironment);

        var now = time.GetUtcNow();
        var limits = agent.Definition.RunLimits ?? new RunLimitsAsked();
        var definition = agent.Definition with { RunLimits = limits with { Steps = Math.Min(limits.Steps ?? int.MaxValue, steps), Micros = micros < (limits.Micros ?? long.MaxValue) ? micros : limits.Micros } };
        var child = new Session(
            ChildSessions.IdOf(call), agent.Id, agent.Version, definition, environment, agent.Definition.Name, new Dictionary<string, string>(), Budget: null, SessionStatus.Idle,
            LastSeq: 0, Epoch: 0, PendingInput: true, default, ActiveSeconds: 0, now, now, ArchivedAt: null);
        return (child with { Parent = new ParentCall(parent.Id, run.Id, call.ToolUse) }, null);
    }

    private static async Task<int> DepthAsync(ISessionStore sessions, Session session, CancellationToken ct)
    {
        var depth = 0;
        for (var at = session; depth < DepthMax && at?.Parent is { } parent; depth++) at = await sessions.FindAsync(parent.SessionId, ct);
        return depth;
    }

    /// <summary>The run's limit without what it took, what its agents took that is not in its log yet, and what they may still take.</summary>
    private async Task<int> StepsLeftAsync(ITenantStore store, Session parent, Run run, IReadOnlyList<Session> siblings, CancellationToken ct)
    {
        var left = RunLimits.Of(options, parent.Agent.RunLimits).Steps - run.Steps;
        if (siblings.Count == 0) return left;

        var filter = new EventFilter(["agent.tool_result"], TimeRange.Any, Ascending: false) { Run = run.Id };
        var results = await store.Sessions.ListEventsAsync(parent, filter, new PageRequest(PageRequest.LimitMax, null), ct);
        var settled = results.Items.Select(static e => e.Body).OfType<AgentToolResult>().Select(static result => result.ToolUseId).ToHashSet();
        foreach (var sibling in siblings.Where(s => !settled.Contains(s.Parent!.ToolUseId)))
        {
            left -= 1 + (SessionRules.HasRun(sibling) ? RunLimits.Of(options, sibling.Agent.RunLimits).Steps : await StepsAsync(store.Runs, sibling, ct));
        }

        return left;
    }

    /// <summary>What the run cost, and what its agents that are at work may still cost.</summary>
    private static async Task<long> TakenAsync(ISessionStore sessions, Session parent, Run run, IReadOnlyList<Session> siblings, CancellationToken ct)
    {
        var taken = await CostAsync(sessions, parent, run.Id, ct);
        return siblings.Where(SessionRules.HasRun).Sum(static sibling => sibling.Agent.RunLimits?.Micros ?? 0) + taken;
    }

    /// <summary>What the steps in the session's log cost, all of them or one run's.</summary>
    private static async Task<long> CostAsync(ISessionStore sessions, Session session, Id<Run>? run, CancellationToken ct)
    {
        var (cost, cursor) = (0L, (string?)null);
        do
        {
            var page = await sessions.ListEventsAsync(session, new EventFilter(Costing, TimeRange.Any, Ascending: true) { Run = run }, new PageRequest(PageRequest.LimitMax, cursor), ct);
            cost += page.Items.Sum(static e => e.Body switch
            {
                SpanModelRequestEnd end => end.CostMicros ?? 0,
                AgentToolResult result => result.CostMicros ?? 0,
                _ => 0,
            });
            cursor = page.Next;
        }
        while (cursor is not null);
        return cost;
    }

    private static async Task<int> StepsAsync(IRunStore runs, Session child, CancellationToken ct) =>
        (await runs.ListAsync(new RunFilter { Session = child.Id }, new PageRequest(100, null), ct)).Items.Sum(static run => run.Steps);

    /// <summary>An agent by id or name, of those that the asking agent's toolset lists, or of all when it lists none.</summary>
    private static async Task<(Agent? Agent, string? Why)> ChooseAsync(IAgentStore agents, Session parent, string name, CancellationToken ct)
    {
        var found = new List<Agent>();
        if (Id<Agent>.TryParse(name, out var id))
        {
            if (await agents.FindAsync(id, version: null, ct) is { ArchivedAt: null } one) found.Add(one);
        }
        else
        {
            found.AddRange((await agents.ListAsync(new AgentFilter(IncludeArchived: false, TimeRange.Any, name), new PageRequest(2, null), ct)).Items);
        }

        if (found.Count > 1) return (null, $"Two agents have the name {name}: {found[0].Id} and {found[1].Id}. Give the id.");
        var allowed = AllowedTo(parent.Agent);
        if (found.Count == 1 && (allowed is null || allowed.Contains(found[0].Id.ToString()) || allowed.Contains(found[0].Definition.Name))) return (found[0], null);

        var names = allowed ?? [.. (await agents.ListAsync(new AgentFilter(IncludeArchived: false, TimeRange.Any), new PageRequest(NamesShownMax, null), ct)).Items.Select(a => a.Definition.Name)];
        return (null, $"There is no agent {name} that this one may call. It may call: {string.Join(", ", names.Take(NamesShownMax))}.");
    }

    /// <summary>The setting <c>agents</c> of the toolset's entry for this tool: ids and names; null for every agent.</summary>
    private static IReadOnlyCollection<string>? AllowedTo(AgentDefinition agent)
    {
        var config = agent.Tools.OfType<AgentToolset>().FirstOrDefault()?.Configs.FirstOrDefault(static c => c.Name is ToolName);
        return config?.Rest?.GetValueOrDefault("agents") is { ValueKind: JsonValueKind.Array } listed
            ? [.. listed.EnumerateArray().Where(static a => a.ValueKind == JsonValueKind.String).Select(static a => a.GetString()!)]
            : null;
    }

    private static async Task<(Id<AgentEnvironment> Id, string? Why)> PlaceAsync(IEnvironmentStore environments, Session parent, string? given, CancellationToken ct)
    {
        if (given is null) return (parent.EnvironmentId, null);
        return Id<AgentEnvironment>.TryParse(given, out var id) && await environments.FindAsync(id, ct) is { ArchivedAt: null }
            ? (id, null)
            : (default, $"There is no environment {given} that can be used. Leave environment out to work in this session's.");
    }

    private static string? TextOf(JsonElement input, string member) =>
        input.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
