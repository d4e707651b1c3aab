using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>A session of a tenant in one of the placements of a cluster.</summary>
internal sealed record PlacedSession(string Placement, string TenantKey, string Session)
{
    public static readonly string[] Placements = ["shared", "schema", "database"];

    /// <summary>A tenant for each placement, with so many sessions each.</summary>
    public static async Task<List<PlacedSession>> MakeAsync(InsulaProcess insula, int each, CancellationToken ct)
    {
        using var platform = insula.Client(insula.Started.OperatorKey!);
        List<PlacedSession> made = [];
        foreach (var placement in Placements)
        {
            var (_, key) = await platform.CreateTenantAsync(placement, ct, placement);
            using var client = insula.Client(key);
            var (agent, environment) = await client.CreateAgentAsync("insula/scripted", ct);
            for (var i = 0; i < each; i++) made.Add(new PlacedSession(placement, key, await client.CreateSessionAsync(agent, environment, ct)));
        }

        return made;
    }

    public string Events => $"/v1/sessions/{Session}/events";
}
