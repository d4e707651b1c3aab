using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Environments;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal sealed record SessionView(
    Id<Session> Id,
    string Type,
    SessionAgentView Agent,
    Id<AgentEnvironment> EnvironmentId,
    string? Title,
    SessionStatus Status,
    IReadOnlyDictionary<string, string> Metadata,
    JsonElement? Budget,
    SessionUsageView Usage,
    SessionStatsView Stats,
    DateTime CreatedAt,
    DateTime UpdatedAt,
    DateTime? ArchivedAt)
{
    public IReadOnlyList<JsonElement> OutcomeEvaluations => [];

    public IReadOnlyList<JsonElement> Resources => [];

    public IReadOnlyList<string> VaultIds => [];

    public string? DeploymentId => null;

    /// <summary>An addition of ours, in forks only.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ForkPoint? ForkedFrom { get; init; }

    /// <summary>An addition of ours, in sessions that work for another one's call.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ParentCall? Parent { get; init; }

    public static SessionView Of(Session session, DateTimeOffset now) => new(
        session.Id,
        "session",
        SessionAgentView.Of(session.AgentId, session.AgentVersion, session.Agent),
        session.EnvironmentId,
        session.Title,
        session.Status,
        session.Metadata,
        session.Budget,
        SessionUsageView.Of(session.Usage, session.ActiveSeconds),
        SessionStatsView.Of(session, now),
        session.CreatedAt.UtcDateTime,
        session.UpdatedAt.UtcDateTime,
        session.ArchivedAt?.UtcDateTime)
    {
        ForkedFrom = session.ForkedFrom,
        Parent = session.Parent,
    };
}

internal sealed record SessionUsageView(
    long InputTokens,
    long OutputTokens,
    long CacheReadInputTokens,
    CacheCreationView CacheCreation,
    double ActiveSeconds)
{
    public static SessionUsageView Of(TokenUsage usage, double activeSeconds) =>
        new(usage.Input, usage.Output, usage.CacheRead, new(Ephemeral5mInputTokens: usage.CacheWrite, Ephemeral1hInputTokens: 0), activeSeconds);
}

/// <summary>The providers report one number, which stands under the life that caches have unless a request says otherwise.</summary>
internal sealed record CacheCreationView(
    [property: JsonPropertyName("ephemeral_5m_input_tokens")] long Ephemeral5mInputTokens,
    [property: JsonPropertyName("ephemeral_1h_input_tokens")] long Ephemeral1hInputTokens);

/// <param name="DurationSeconds">Since the session was made; for an ended one, until its last change.</param>
internal sealed record SessionStatsView(double ActiveSeconds, double DurationSeconds)
{
    public static SessionStatsView Of(Session session, DateTimeOffset now)
    {
        var until = session.Status == SessionStatus.Terminated ? session.UpdatedAt : now;
        return new(session.ActiveSeconds, Math.Max(0, (until - session.CreatedAt).TotalSeconds));
    }
}

/// <summary>A page with cursors both ways.</summary>
internal sealed record SessionPageView(IReadOnlyList<SessionView> Data, string? NextPage, string? PrevPage);
