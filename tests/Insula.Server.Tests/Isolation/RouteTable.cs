namespace Insula.Server.Tests.Isolation;

/// <summary>Who may call a route.</summary>
public enum Who
{
    Everyone,
    AnyKey,
    ReadKey,
    WriteKey,
    AdminKey,
    Operator,
    OperatorOrReadKey,
    OperatorOrAdminKey,
}

/// <param name="Path">With <c>{agent}</c>, <c>{session}</c> and so on in place of ids.</param>
/// <param name="Body">A body that the route would take, so that a refusal is for the caller and never for the body.</param>
/// <param name="IdInBody">The ids stand in the body: they count as asked for just as those in the path.</param>
public sealed record RouteRow(string Method, string Pattern, Who Who, string Path, string? Body = null, bool IdInBody = false)
{
    public string Name => $"{Method} {Pattern}{(IdInBody ? " (ids in the body)" : "")}";

    /// <summary>Whether the row asks for an object that belongs to one tenant.</summary>
    public bool NamesAnObject => Path.Contains('{', StringComparison.Ordinal) || IdInBody;
}

/// <summary>
/// One row per route of the running server, saying who may call it. A route without a row, and a row without a route,
/// fail a test: nobody can add a route and forget its walls.
/// </summary>
public static class RouteTable
{
    private const string Agent = """{"name":"a","model":"insula/scripted"}""";
    private const string Message = """{"events":[{"type":"user.message","content":[{"type":"text","text":"hello"}]}]}""";

    public static IReadOnlyList<RouteRow> Rows { get; } =
    [
        new("GET", "/", Who.Everyone, "/"),
        new("GET", "/healthz", Who.Everyone, "/healthz"),
        new("HEAD", "/healthz", Who.Everyone, "/healthz"),
        new("GET", "/readyz", Who.Everyone, "/readyz"),
        new("HEAD", "/readyz", Who.Everyone, "/readyz"),
        new("GET", "/openapi/{documentName}.json", Who.Everyone, "/openapi/v1.json"),
        new("GET", "/metrics", Who.Operator, "/metrics"),

        new("POST", "/api/v1/signup", Who.Everyone, "/api/v1/signup", """{"name":"n","email":"n@example.org"}"""),
        new("GET", "/api/v1/me", Who.AnyKey, "/api/v1/me"),
        new("POST", "/api/v1/tenants", Who.Operator, "/api/v1/tenants", """{"name":"n"}"""),
        new("GET", "/api/v1/tenants", Who.Operator, "/api/v1/tenants"),
        new("GET", "/api/v1/tenants/{id}", Who.OperatorOrReadKey, "/api/v1/tenants/{tenant}"),
        new("PATCH", "/api/v1/tenants/{id}", Who.Operator, "/api/v1/tenants/{tenant}", """{"name":"n"}"""),
        new("POST", "/api/v1/tenants/{id}/suspend", Who.Operator, "/api/v1/tenants/{tenant}/suspend", "{}"),
        new("POST", "/api/v1/tenants/{id}/resume", Who.Operator, "/api/v1/tenants/{tenant}/resume"),
        new("POST", "/api/v1/tenants/{id}/keys", Who.Operator, "/api/v1/tenants/{tenant}/keys", """{"name":"n"}"""),
        new("GET", "/api/v1/plans", Who.OperatorOrReadKey, "/api/v1/plans"),
        new("PUT", "/api/v1/plans/{name}", Who.Operator, "/api/v1/plans/Not-A-Name", """{"limits":{"requests_per_minute":1,"reads_per_minute":1,"learn_per_minute":1,"reason_per_minute":1,"concurrent_runs":1,"concepts":1,"storage_bytes":1}}"""),
        new("GET", "/api/v1/tenants/{id}/stats", Who.OperatorOrReadKey, "/api/v1/tenants/{tenant}/stats"),
        new("GET", "/api/v1/stats", Who.Operator, "/api/v1/stats"),
        new("GET", "/api/v1/statements/{month}", Who.OperatorOrReadKey, "/api/v1/statements/2026-11"),
        new("POST", "/api/v1/webhooks", Who.AdminKey, "/api/v1/webhooks", """{"url":"https://hooks.example.com/x"}"""),
        new("GET", "/api/v1/webhooks", Who.AdminKey, "/api/v1/webhooks"),
        new("GET", "/api/v1/webhooks/{id}", Who.AdminKey, "/api/v1/webhooks/{webhook}"),
        new("DELETE", "/api/v1/webhooks/{id}", Who.AdminKey, "/api/v1/webhooks/{webhook}"),
        new("GET", "/api/v1/webhooks/{id}/deliveries", Who.AdminKey, "/api/v1/webhooks/{webhook}/deliveries"),
        new("POST", "/api/v1/webhooks/{id}/enable", Who.AdminKey, "/api/v1/webhooks/{webhook}/enable"),
        new("GET", "/api/v1/tenants/{id}/billing", Who.Operator, "/api/v1/tenants/{tenant}/billing"),
        new("PUT", "/api/v1/tenants/{id}/billing", Who.Operator, "/api/v1/tenants/{tenant}/billing", """{"stripe_customer":"not one!"}"""),
        new("GET", "/api/v1/usage", Who.OperatorOrReadKey, "/api/v1/usage"),
        new("GET", "/api/v1/prices", Who.OperatorOrReadKey, "/api/v1/prices"),
        new("PUT", "/api/v1/prices", Who.Operator, "/api/v1/prices", """{"name":"no such good"}"""),
        new("GET", "/api/v1/budgets", Who.OperatorOrReadKey, "/api/v1/budgets"),
        new("GET", "/api/v1/budgets/{id}", Who.OperatorOrReadKey, "/api/v1/budgets/{budget}"),
        new("PUT", "/api/v1/budgets/{id}", Who.OperatorOrAdminKey, "/api/v1/budgets/{budget}", """{"limit_micros":1}"""),
        new("DELETE", "/api/v1/budgets/{id}", Who.OperatorOrAdminKey, "/api/v1/budgets/{budget}"),
        new("GET", "/api/v1/tenants/{id}/budget", Who.Operator, "/api/v1/tenants/{tenant}/budget"),
        new("PUT", "/api/v1/tenants/{id}/budget", Who.Operator, "/api/v1/tenants/{tenant}/budget", """{"limit_micros":1}"""),
        new("DELETE", "/api/v1/tenants/{id}/budget", Who.Operator, "/api/v1/tenants/{tenant}/budget"),
        new("GET", "/api/v1/limits", Who.ReadKey, "/api/v1/limits"),
        new("GET", "/api/v1/tenants/{id}/limits", Who.Operator, "/api/v1/tenants/{tenant}/limits"),
        new("POST", "/api/v1/keys", Who.AdminKey, "/api/v1/keys", """{"name":"n","scopes":["read"]}"""),
        new("GET", "/api/v1/keys", Who.AdminKey, "/api/v1/keys"),
        new("GET", "/api/v1/keys/{id}", Who.AdminKey, "/api/v1/keys/{key}"),
        new("DELETE", "/api/v1/keys/{id}", Who.AdminKey, "/api/v1/keys/{key}"),
        new("POST", "/api/v1/keys/{id}/rotate", Who.AdminKey, "/api/v1/keys/{key}/rotate", "{}"),
        new("POST", "/api/v1/keys", Who.AdminKey, "/api/v1/keys", """{"name":"n","scopes":["read"],"member":"{member}"}""", IdInBody: true),
        new("POST", "/api/v1/members", Who.AdminKey, "/api/v1/members", """{"name":"n"}"""),
        new("GET", "/api/v1/members", Who.AdminKey, "/api/v1/members"),
        new("GET", "/api/v1/members/{id}", Who.AdminKey, "/api/v1/members/{member}"),
        new("PATCH", "/api/v1/members/{id}", Who.AdminKey, "/api/v1/members/{member}", """{"name":"n"}"""),
        new("DELETE", "/api/v1/members/{id}", Who.AdminKey, "/api/v1/members/{member}"),
        new("GET", "/api/v1/audit", Who.OperatorOrAdminKey, "/api/v1/audit"),
        new("POST", "/api/v1/knowledge/learn", Who.WriteKey, "/api/v1/knowledge/learn", """{"source":"s","text":"t"}"""),
        new("POST", "/api/v1/knowledge/query", Who.ReadKey, "/api/v1/knowledge/query", """{"query":"Which word does only the victim know?"}"""),
        new("GET", "/api/v1/knowledge/sources", Who.ReadKey, "/api/v1/knowledge/sources"),
        new("GET", "/api/v1/knowledge/sources/{id}", Who.ReadKey, "/api/v1/knowledge/sources/{source}"),
        new("DELETE", "/api/v1/knowledge/sources/{id}", Who.WriteKey, "/api/v1/knowledge/sources/{source}"),
        new("POST", "/api/v1/schedules", Who.WriteKey, "/api/v1/schedules", """{"name":"s","cron":"@daily","agent":"{agent}","environment":"{environment}","prompt":"p","enabled":false}""", IdInBody: true),
        new("GET", "/api/v1/schedules", Who.ReadKey, "/api/v1/schedules"),
        new("GET", "/api/v1/schedules/{id}", Who.ReadKey, "/api/v1/schedules/{schedule}"),
        new("PATCH", "/api/v1/schedules/{id}", Who.WriteKey, "/api/v1/schedules/{schedule}", """{"name":"t"}"""),
        new("DELETE", "/api/v1/schedules/{id}", Who.WriteKey, "/api/v1/schedules/{schedule}"),
        new("POST", "/api/v1/schedules/{id}/pause", Who.WriteKey, "/api/v1/schedules/{schedule}/pause"),
        new("POST", "/api/v1/schedules/{id}/resume", Who.WriteKey, "/api/v1/schedules/{schedule}/resume"),
        new("POST", "/api/v1/schedules/{id}/trigger", Who.WriteKey, "/api/v1/schedules/{schedule}/trigger"),
        new("GET", "/api/v1/schedules/{id}/history", Who.ReadKey, "/api/v1/schedules/{schedule}/history"),

        new("POST", "/api/v1/sessions/{id}/fork", Who.WriteKey, "/api/v1/sessions/{session}/fork", """{"at":0}"""),
        new("GET", "/api/v1/sessions/{id}/checkpoints", Who.ReadKey, "/api/v1/sessions/{session}/checkpoints"),
        new("GET", "/api/v1/runs", Who.ReadKey, "/api/v1/runs"),
        new("GET", "/api/v1/runs/{id}", Who.ReadKey, "/api/v1/runs/{run}"),
        new("POST", "/api/v1/runs/{id}/cancel", Who.WriteKey, "/api/v1/runs/{run}/cancel"),

        new("POST", "/v1/agents", Who.WriteKey, "/v1/agents", Agent),
        new("GET", "/v1/agents", Who.ReadKey, "/v1/agents"),
        new("GET", "/v1/agents/{id}", Who.ReadKey, "/v1/agents/{agent}"),
        new("POST", "/v1/agents/{id}", Who.WriteKey, "/v1/agents/{agent}", """{"name":"b"}"""),
        new("POST", "/v1/agents/{id}/archive", Who.WriteKey, "/v1/agents/{agent}/archive"),
        new("GET", "/v1/agents/{id}/versions", Who.ReadKey, "/v1/agents/{agent}/versions"),
        new("POST", "/v1/environments", Who.WriteKey, "/v1/environments", """{"name":"e"}"""),
        new("GET", "/v1/environments", Who.ReadKey, "/v1/environments"),
        new("GET", "/v1/environments/{id}", Who.ReadKey, "/v1/environments/{environment}"),
        new("POST", "/v1/environments/{id}", Who.WriteKey, "/v1/environments/{environment}", """{"name":"f"}"""),
        new("POST", "/v1/environments/{id}/archive", Who.WriteKey, "/v1/environments/{environment}/archive"),
        new("DELETE", "/v1/environments/{id}", Who.WriteKey, "/v1/environments/{environment}"),
        new("POST", "/v1/sessions", Who.WriteKey, "/v1/sessions", """{"agent":"{agent}","environment_id":"{environment}"}""", IdInBody: true),
        new("GET", "/v1/sessions", Who.ReadKey, "/v1/sessions"),
        new("GET", "/v1/sessions/{id}", Who.ReadKey, "/v1/sessions/{session}"),
        new("POST", "/v1/sessions/{id}", Who.WriteKey, "/v1/sessions/{session}", """{"title":"t"}"""),
        new("POST", "/v1/sessions/{id}/archive", Who.WriteKey, "/v1/sessions/{session}/archive"),
        new("DELETE", "/v1/sessions/{id}", Who.WriteKey, "/v1/sessions/{session}"),
        new("POST", "/v1/sessions/{id}/events", Who.WriteKey, "/v1/sessions/{session}/events", Message),
        new("GET", "/v1/sessions/{id}/events", Who.ReadKey, "/v1/sessions/{session}/events"),
        new("GET", "/v1/sessions/{id}/events/stream", Who.ReadKey, "/v1/sessions/{session}/events/stream"),
    ];

    public static RouteRow Named(string name) => Rows.Single(row => row.Name == name);

    public static TheoryData<string> Where(Func<RouteRow, bool> which) => [.. Rows.Where(which).Select(static row => row.Name)];
}
