using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Budgets;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <param name="Version">Null for the newest.</param>
/// <param name="Overrides">What this session does otherwise than the agent; null for nothing.</param>
public sealed record AgentChoice(Id<Agent> Id, int? Version, AgentOverrides? Overrides);

/// <summary>Each member that is given replaces the agent's, for one session.</summary>
public sealed record AgentOverrides
{
    public ModelChoice? Model { get; init; }

    public Change<string> System { get; init; }

    public IReadOnlyList<ToolEntry>? Tools { get; init; }

    public IReadOnlyList<McpServer>? McpServers { get; init; }

    public IReadOnlyList<JsonElement>? Skills { get; init; }

    internal AgentDefinition Over(AgentDefinition agent) => agent with
    {
        Model = Model ?? agent.Model,
        System = System.Over(agent.System),
        Tools = Tools ?? agent.Tools,
        McpServers = McpServers ?? agent.McpServers,
        Skills = Skills ?? agent.Skills,
    };
}

/// <param name="InitialEvents">Sent to the session as it is made; a run starts when there are any.</param>
public sealed record SessionDefinition(
    AgentChoice Agent,
    Id<AgentEnvironment> EnvironmentId,
    string? Title,
    IReadOnlyDictionary<string, string> Metadata,
    SessionBudget? Budget,
    IReadOnlyList<InputBody> InitialEvents);

/// <summary>
/// Makes a session with a snapshot of its agent: a later version of the agent does not reach it. The session and its
/// first events are one transaction, so a crash leaves both or neither.
/// </summary>
/// <param name="door">Null where no budgets are kept.</param>
public sealed class CreateSession(ITenantStores stores, SessionWork work, IAuditLog audit, TimeProvider time, BudgetDoor? door = null)
{
    public Task<Result<Session>> CreateAsync(TenantScope scope, SessionDefinition definition, CancellationToken ct) =>
        CreateAsync(scope, definition, Id<Session>.New(), [.. definition.InitialEvents.Select(body => new NewEvent(body))], ct);

    /// <summary>Makes the session under an id that the caller chose, with these for its initial events. One that is there already is answered as it is: the caller made it before.</summary>
    internal async Task<Result<Session>> CreateChosenAsync(TenantScope scope, SessionDefinition definition, Id<Session> id, IReadOnlyList<NewEvent> initial, CancellationToken ct)
    {
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (await store.Sessions.FindAsync(id, ct) is { } made) return made;
        }

        return await CreateAsync(scope, definition, id, initial, ct);
    }

    private async Task<Result<Session>> CreateAsync(TenantScope scope, SessionDefinition definition, Id<Session> id, IReadOnlyList<NewEvent> initial, CancellationToken ct)
    {
        var violation = Check.Length("title", definition.Title, Check.NameCharsMax)
            ?? Check.Metadata(definition.Metadata)
            ?? SessionRules.BudgetViolation(definition.Budget)
            ?? InputRules.InitialViolation(definition.InitialEvents);
        if (violation is not null) return violation;
        if ((await ChooseAsync(scope, definition, ct)).Failed(out var fault, out var agent)) return fault;

        var now = time.GetUtcNow();
        var session = new Session(
            id, agent.Id, agent.Version, agent.Definition, definition.EnvironmentId, definition.Title, definition.Metadata,
            definition.Budget?.ToJson(), SessionStatus.Idle, LastSeq: 0, Epoch: 0, PendingInput: definition.InitialEvents.Count > 0,
            default(TokenUsage), ActiveSeconds: 0, now, now, ArchivedAt: null);
        if (initial.Count > 0 && door is not null && door.Concerns(session, await door.InForceAsync(scope, ct)) && await door.RefuseAsync(scope, session, ct) is { } unfunded) return unfunded;
        if ((await work.StartAsync(scope, session, initial, ct)).Failed(out var over, out _)) return over;
        await audit.AppendAsync(scope, "session.create", session.Id.ToString(), now, ct);
        return session;
    }

    /// <summary>The agent's version with the overrides applied, if agent and environment can be used.</summary>
    private async Task<Result<Agent>> ChooseAsync(TenantScope scope, SessionDefinition definition, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Agents.FindAsync(definition.Agent.Id, definition.Agent.Version, ct) is not { } agent) return AgentRules.NotFound;
        if (agent.ArchivedAt is not null) return Fault.Invalid("agent", "The agent is archived and starts no new session; choose another.", "agent_archived");
        if (await store.Environments.FindAsync(definition.EnvironmentId, ct) is not { } environment) return EnvironmentRules.NotFound;
        if (environment.ArchivedAt is not null) return EnvironmentRules.Archived with { Field = "environment_id" };
        if (definition.Agent.Overrides is not { } overrides) return agent;

        var changed = overrides.Over(agent.Definition);
        return AgentRules.Violation(changed) is { Field: { } field } violation
            ? violation with { Field = $"agent.{field}" }
            : agent with { Definition = changed };
    }
}
