using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Budgets;
using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <param name="Metadata">A patch: a null value removes its key.</param>
/// <param name="Tools">Replaces the agent's tools in this session; null keeps them.</param>
/// <param name="McpServers">Replaces the agent's servers in this session; null keeps them.</param>
public sealed record SessionChanges(
    Change<string> Title,
    IReadOnlyDictionary<string, string?>? Metadata,
    Change<SessionBudget> Budget,
    IReadOnlyList<ToolEntry>? Tools,
    IReadOnlyList<McpServer>? McpServers);

/// <summary>
/// Changes a session and says so in its log, in one transaction. An update that changes nothing writes no event. The
/// agent's tools change only between runs, because a run ends on what it began with.
/// </summary>
public sealed class UpdateSession(ITenantStores stores, SessionFeed feed, IBudgetStore budgets, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Session>> UpdateAsync(TenantScope scope, Id<Session> id, SessionChanges changes, CancellationToken ct)
    {
        if (Check.Length("title", changes.Title.Value, Check.NameCharsMax) is { } badTitle) return badTitle;
        if (SessionRules.BudgetViolation(changes.Budget.Value) is { } badBudget) return badBudget;

        var now = time.GetUtcNow();
        Result<(Session Session, IReadOnlyList<SessionEvent> Events)>? updated;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            updated = await store.Sessions.UpdateAsync(id, session => Apply(changes, session), now, ct);
        }

        if (updated is not { } result) return SessionRules.NotFound;
        if (result.Failed(out var fault, out var after)) return fault;
        if (changes.Budget.IsGiven)
        {
            // Said anew even when nothing changed: a crash may have come between the two stores before.
            await budgets.SetOwnAsync(scope.Tenant, id.ToString(), after.Session.Budget is { } budget ? BudgetPath.MicrosOf(budget) : null, ct);
        }

        if (after.Events.Count == 0) return after.Session;

        feed.Publish(scope.Tenant, id, after.Events);
        await audit.AppendAsync(scope, "session.update", id.ToString(), now, ct);
        return after.Session;
    }

    private static Result<SessionUpdate> Apply(SessionChanges changes, Session session)
    {
        if (session.ArchivedAt is not null) return SessionRules.Archived;
        var metadata = Check.Patched(session.Metadata, changes.Metadata);
        if (Check.Metadata(metadata) is { } badMetadata) return badMetadata;
        if (ApplyBudget(changes.Budget, session).Failed(out var badBudget, out var budget)) return badBudget;
        if (ApplyAgent(changes, session).Failed(out var badAgent, out var agent)) return badAgent;

        var after = session with { Title = changes.Title.Over(session.Title), Metadata = metadata, Budget = budget, Agent = agent };
        var said = new SessionUpdated
        {
            Title = changes.Title.IsGiven && !string.Equals(session.Title, after.Title, StringComparison.Ordinal) ? changes.Title : default,
            Metadata = SamePairs(session.Metadata, metadata) ? null : metadata,
            Budget = changes.Budget.IsGiven && !(session.Budget is null && after.Budget is null) ? new(after.Budget) : default,
            Agent = ReferenceEquals(agent, session.Agent) ? null : new AgentSnapshot(session.AgentId, session.AgentVersion, agent),
        };
        return new SessionUpdate(after, said == new SessionUpdated() ? [] : [new NewEvent(said)]);
    }

    private static Result<JsonElement?> ApplyBudget(Change<SessionBudget> change, Session session)
    {
        if (!change.IsGiven) return session.Budget;
        if (change.Value is { } && session.Budget is null)
        {
            return Fault.Invalid("budget", "A budget can only be given when the session is created.", "budget_create_only");
        }

        return change.Value?.ToJson();
    }

    private static Result<AgentDefinition> ApplyAgent(SessionChanges changes, Session session)
    {
        if (changes.Tools is null && changes.McpServers is null) return session.Agent;
        if (SessionRules.IsAtWork(session)) return SessionRules.Running("given other tools");

        var agent = session.Agent with { Tools = changes.Tools ?? session.Agent.Tools, McpServers = changes.McpServers ?? session.Agent.McpServers };
        return AgentRules.ToolingViolation(agent) is { Field: { } field } violation ? violation with { Field = $"agent.{field}" } : agent;
    }

    private static bool SamePairs(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Count == b.Count && a.All(pair => b.TryGetValue(pair.Key, out var value) && string.Equals(pair.Value, value, StringComparison.Ordinal));
}
