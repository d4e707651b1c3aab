using System.Text.Json;
using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Serialization;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every placement promises of a tenant's store; a subclass for each kind of object, and under it one for each placement.</summary>
public abstract class TenantStoreContract(TenantPlace place) : IAsyncLifetime
{
    /// <summary>Not a whole microsecond, so that a store that rounds is found out.</summary>
    protected static readonly DateTimeOffset Start = new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero).AddTicks(1_234_567);

    /// <summary>Text that finds stores that cut, fold or quote wrongly.</summary>
    protected const string HardText = "'; drop table events;-- \" \\ é 🌊 \u202e";

    private readonly Id<Tenant> _tenant = Id<Tenant>.New();
    private ITenantStores _stores = null!;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>The store of the tenant under test.</summary>
    protected ITenantStore Store { get; private set; } = null!;

    /// <summary>The store of a tenant next door.</summary>
    protected ITenantStore Other { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _stores = await place.OpenAsync();
        Store = await _stores.OpenAsync(SystemTask.Run.For(_tenant), Ct);
        Other = await _stores.OpenAsync(SystemTask.Run.For(Id<Tenant>.New()), Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Other.DisposeAsync();
        await place.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected async Task ReopenStoreAsync()
    {
        await Store.DisposeAsync();
        await Other.DisposeAsync();
        _stores = await place.ReopenAsync();
        Store = await _stores.OpenAsync(SystemTask.Run.For(_tenant), Ct);
        Other = await _stores.OpenAsync(SystemTask.Run.For(Id<Tenant>.New()), Ct);
    }

    protected static PageRequest First(int limit) => new(limit, null);

    protected static Agent NewAgent(string name = "agent") => new(
        Id<Agent>.New(),
        1,
        new AgentDefinition
        {
            Name = name,
            Model = new("insula/scripted"),
            System = HardText,
            Tools = [new AgentToolset(new(true, PermissionPolicy.AlwaysAllow), []), new CustomTool("lookup", "looks up", Json("""{"type":"object"}"""))],
            Metadata = new Dictionary<string, string> { ["k"] = HardText },
        },
        Start,
        Start,
        null);

    protected static AgentEnvironment NewEnvironment(string name = "environment") => new(
        Id<AgentEnvironment>.New(), name, HardText, Json("""{"type":"cloud","n":1.50}"""), new Dictionary<string, string> { ["a"] = "b" }, Start, Start, null);

    protected static Session NewSession() => new(
        Id<Session>.New(),
        Id<Agent>.New(),
        1,
        NewAgent().Definition,
        Id<AgentEnvironment>.New(),
        HardText,
        new Dictionary<string, string> { ["a"] = "b" },
        Json("""{"max_tokens":5}"""),
        SessionStatus.Idle,
        0,
        0,
        false,
        default,
        0,
        Start,
        Start,
        null);

    protected static JsonElement Json(string text) => JsonElement.Parse(text);

    /// <summary>Records with lists and JSON inside are compared as the JSON that they are.</summary>
    protected static void Same<T>(T expected, T? actual) => Assert.Equal(JsonSerializer.Serialize(expected, AgentsJson.Options), JsonSerializer.Serialize(actual, AgentsJson.Options));

    protected static void SameList<T>(IEnumerable<T> expected, IEnumerable<T> actual) => Same<IReadOnlyList<T>>([.. expected], [.. actual]);

    protected static async Task Refused(string code, Func<Task> act) => Assert.Equal(code, (await Assert.ThrowsAsync<FaultException>(act)).Fault.Code);

    protected static async Task<List<T>> Walk<T>(Func<PageRequest, Task<Page<T>>> list, int limit)
    {
        List<T> all = [];
        string? after = null;
        do
        {
            var page = await list(new(limit, after));
            Assert.True(page.Items.Count <= limit && (page.Next is null || page.Items.Count == limit));
            all.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        return all;
    }

    protected static NewEvent Message(string text) => new(new UserMessage([ContentBlock.OfText(text)]));
}
