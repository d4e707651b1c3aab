using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Hosting;

/// <summary>
/// The tenant <c>demo</c> of a new data folder, with an agent that answers from what it was taught: what a first look
/// needs, without a key for a model. <c>demo.json</c> in the data folder remembers the ids for later starts.
/// </summary>
internal sealed class Demo(CreateTenant createTenant, CreateEnvironment createEnvironment, CreateAgent createAgent, HostSettings settings)
{
    private string FilePath => Path.Combine(settings.DataFolder, "demo.json");

    /// <summary>Makes tenant, environment and agent. Only for a data folder without any tenant.</summary>
    public async Task<(DemoIds Ids, Secret OwnerKey)> MakeAsync(OperatorScope scope, CancellationToken ct)
    {
        var created = (await createTenant.RunAsync(scope, new TenantRequest("demo", "enterprise"), ct)).Value;
        var inside = SystemTask.Provision.For(created.Tenant.Id);
        _ = (await createEnvironment.CreateAsync(
            inside, new EnvironmentDefinition("default", "Made on the first start", Config: null, new Dictionary<string, string>()), ct)).Value;
        var agent = (await createAgent.CreateAsync(
            inside,
            new AgentDefinition
            {
                Name = "demo",
                Description = "Answers from what the tenant taught, with quotations. It uses no language model.",
                Model = new ModelChoice("insula/reader"),
            },
            ct)).Value;

        var ids = new DemoIds(created.Tenant.Id, agent.Id);
        await File.WriteAllBytesAsync(FilePath, JsonSerializer.SerializeToUtf8Bytes(ids, ApiJson.Options), ct);
        return (ids, created.OwnerKey.Secret);
    }

    /// <summary>The ids from the first start; null when this data folder has no demo.</summary>
    public async Task<DemoIds?> FindAsync(CancellationToken ct) =>
        File.Exists(FilePath) ? JsonSerializer.Deserialize<DemoIds>(await File.ReadAllBytesAsync(FilePath, ct), ApiJson.Options) : null;
}

internal sealed record DemoIds(Id<Tenant> TenantId, Id<Agent> AgentId);
