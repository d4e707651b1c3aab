using Insula.Agents.Agents;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Agents and environments.</summary>
public abstract class AgentsContract(TenantPlace place) : TenantStoreContract(place)
{
    [Fact]
    public async Task An_agent_is_read_as_it_was_written_also_after_reopening()
    {
        var agent = NewAgent(HardText);
        await Store.Agents.AddAsync(agent, Ct);
        Same(agent, await Store.Agents.FindAsync(agent.Id, null, Ct));
        await ReopenStoreAsync();
        Same(agent, await Store.Agents.FindAsync(agent.Id, 1, Ct));
        Assert.Null(await Store.Agents.FindAsync(agent.Id, 2, Ct));
        Assert.Null(await Other.Agents.FindAsync(agent.Id, null, Ct));
        Assert.Null(await Other.Agents.FindAsync(agent.Id, 1, Ct));
        Assert.Empty((await Other.Agents.ListAsync(new(true, TimeRange.Any), First(10), Ct)).Items);
        Assert.Empty((await Other.Agents.VersionsAsync(agent.Id, First(10), Ct)).Items);
        Assert.Null(await Other.Agents.ArchiveAsync(agent.Id, Start, Ct));
        Assert.False(await Other.Agents.AddVersionAsync(agent with { Version = 2 }, Ct));
    }

    [Fact]
    public async Task A_version_is_added_only_after_the_one_before_it()
    {
        var first = NewAgent();
        var second = first with { Version = 2, UpdatedAt = Start.AddMinutes(1), Definition = first.Definition with { Name = "second" } };
        await Store.Agents.AddAsync(first, Ct);
        Assert.False(await Store.Agents.AddVersionAsync(first with { Version = 3 }, Ct));
        Assert.True(await Store.Agents.AddVersionAsync(second, Ct));
        Assert.False(await Store.Agents.AddVersionAsync(second, Ct));
        Assert.False(await Store.Agents.AddVersionAsync(NewAgent() with { Version = 2 }, Ct));

        Same(second, await Store.Agents.FindAsync(first.Id, null, Ct));
        Same(first, await Store.Agents.FindAsync(first.Id, 1, Ct));
        SameList([second, first], await Walk(page => Store.Agents.VersionsAsync(first.Id, page, Ct), 1));
        SameList([second], (await Store.Agents.ListAsync(new(false, TimeRange.Any), First(10), Ct)).Items);
        SameList([second], (await Store.Agents.ListAsync(new(false, TimeRange.Any, "second"), First(10), Ct)).Items);
        Assert.Empty((await Store.Agents.ListAsync(new(false, TimeRange.Any, first.Definition.Name), First(10), Ct)).Items);
    }

    [Fact]
    public async Task Of_many_next_versions_at_once_exactly_one_is_added()
    {
        var agent = NewAgent();
        await Store.Agents.AddAsync(agent, Ct);
        var added = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Store.Agents.AddVersionAsync(agent with { Version = 2 }, Ct)));
        Assert.Single(added, static a => a);
    }

    [Fact]
    public async Task An_agent_is_archived_once_and_takes_no_version_afterwards()
    {
        var agent = NewAgent();
        await Store.Agents.AddAsync(agent, Ct);
        Same(agent with { ArchivedAt = Start }, await Store.Agents.ArchiveAsync(agent.Id, Start, Ct));
        Same(agent with { ArchivedAt = Start }, await Store.Agents.ArchiveAsync(agent.Id, Start.AddDays(1), Ct));
        Assert.False(await Store.Agents.AddVersionAsync(agent with { Version = 2 }, Ct));
        Assert.Null(await Store.Agents.ArchiveAsync(Id<Agent>.New(), Start, Ct));
        Assert.Empty((await Store.Agents.ListAsync(new(false, TimeRange.Any), First(10), Ct)).Items);
        Assert.Single((await Store.Agents.ListAsync(new(true, TimeRange.Any), First(10), Ct)).Items);
    }

    [Fact]
    public async Task Agents_are_listed_newest_first_within_a_span_of_time()
    {
        var agents = Enumerable.Range(0, 9).Select(i => NewAgent($"agent {i}") with { CreatedAt = Start.AddTicks(i / 2) }).ToList();
        foreach (var agent in agents) await Store.Agents.AddAsync(agent, Ct);
        var sorted = agents.OrderByDescending(a => a.CreatedAt).ThenByDescending(a => a.Id.ToString(), StringComparer.Ordinal).ToList();

        foreach (var limit in new[] { 1, 2, 3, 9, 100 }) SameList(sorted, await Walk(page => Store.Agents.ListAsync(new(false, TimeRange.Any), page, Ct), limit));
        await Holds(new(Start.AddTicks(1), null, null, null), at => at > Start.AddTicks(1));
        await Holds(new(null, Start.AddTicks(1), null, null), at => at >= Start.AddTicks(1));
        await Holds(new(null, null, Start.AddTicks(2), null), at => at < Start.AddTicks(2));
        await Holds(new(null, null, null, Start.AddTicks(2)), at => at <= Start.AddTicks(2));
        await Holds(new(Start, Start, Start.AddTicks(3), Start.AddTicks(9)), at => at > Start && at < Start.AddTicks(3));

        async Task Holds(TimeRange range, Func<DateTimeOffset, bool> inside) =>
            SameList(sorted.Where(a => inside(a.CreatedAt)), await Walk(page => Store.Agents.ListAsync(new(false, range), page, Ct), 2));
    }

    [Fact]
    public async Task A_cursor_of_another_list_or_tenant_is_refused()
    {
        for (var i = 0; i < 3; i++)
        {
            await Store.Agents.AddAsync(NewAgent(), Ct);
            await Other.Agents.AddAsync(NewAgent(), Ct);
        }

        var cursor = (await Store.Agents.ListAsync(new(false, TimeRange.Any), First(1), Ct)).Next;
        await Refused("invalid_page", () => Other.Agents.ListAsync(new(false, TimeRange.Any), new(1, cursor), Ct));
        await Refused("invalid_page", () => Store.Environments.ListAsync(new(false, TimeRange.Any), new(1, cursor), Ct));
        await Refused("invalid_page", () => Store.Sessions.ListAsync(new(), new(1, cursor), Ct));
    }

    [Fact]
    public async Task An_environment_is_read_replaced_and_removed()
    {
        var environment = NewEnvironment();
        await Store.Environments.AddAsync(environment, Ct);
        var read = (await Store.Environments.FindAsync(environment.Id, Ct))!;
        Same(environment, read);
        Assert.Null(await Other.Environments.FindAsync(environment.Id, Ct));

        var changed = read with { Name = "new", Config = Json("""{"type":"self_hosted"}"""), ArchivedAt = Start };
        Assert.True(await Store.Environments.ReplaceAsync(read, changed, Ct));
        Assert.False(await Store.Environments.ReplaceAsync(read, read with { Name = "late" }, Ct));
        Same(changed, await Store.Environments.FindAsync(environment.Id, Ct));

        Assert.False(await Other.Environments.RemoveAsync(environment.Id, Ct));
        Assert.True(await Store.Environments.RemoveAsync(environment.Id, Ct));
        Assert.False(await Store.Environments.RemoveAsync(environment.Id, Ct));
        Assert.False(await Store.Environments.ReplaceAsync(changed, read, Ct));
    }

    [Fact]
    public async Task Environments_are_listed_newest_first_and_archived_ones_on_request()
    {
        var environments = Enumerable.Range(0, 6).Select(i => NewEnvironment($"{i}") with { CreatedAt = Start.AddTicks(i), ArchivedAt = i == 3 ? Start : null }).ToList();
        foreach (var environment in environments) await Store.Environments.AddAsync(environment, Ct);
        environments.Reverse();
        SameList(environments, await Walk(page => Store.Environments.ListAsync(new(true, TimeRange.Any), page, Ct), 4));
        SameList(environments.Where(e => e.ArchivedAt is null), await Walk(page => Store.Environments.ListAsync(new(false, TimeRange.Any), page, Ct), 2));
    }
}
