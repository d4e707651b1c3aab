using System.Text.Json;
using Insula.Agents.Budgets;
using Insula.Server.Hosting;
using Insula.Server.Tests.ManagedAgents;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Budgets;

/// <summary>What becomes of money that was held by workers which are gone.</summary>
public abstract class BudgetHoldTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Until_the_usage_is_shipped_the_hold_stands_for_the_cost_and_whoever_takes_the_session_up_ships_it()
    {
        await using var host = await store.StartAsync(new TestHostOptions { Services = NobodyShips }, Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(1000);
        var session = await world.SessionAsync();
        await world.RunAsync("!usage 60 30\n!text x", session);
        Assert.Equal((0, 90), await StandingAsync(world));
        await world.RunAsync("!usage 10 10\n!text x", session);
        Assert.Equal((90, 20), await StandingAsync(world));
    }

    [Fact]
    public async Task What_a_dead_worker_held_comes_back_when_its_session_is_taken_up()
    {
        await using var host = await store.StartAsync(new TestHostOptions { Services = NobodyShips }, Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(1000);
        var session = await world.SessionAsync();
        await HoldAsync(world, session, 950, TimeSpan.FromMinutes(1));
        Assert.Equal((0, 950), await StandingAsync(world));
        Assert.Equal(("end_turn", null), await world.RunAsync("!usage 60 30\n!text x", session));
        Assert.Equal((0, 90), await StandingAsync(world));
    }

    [Fact]
    public async Task What_nobody_renews_comes_back_and_what_is_at_work_is_renewed()
    {
        await using var host = await store.StartAsync(Ct);
        var world = await BudgetWorld.MakeAsync(host);
        await world.LimitAgentAsync(1000);
        await HoldAsync(world, "sesn_gone", 950, TimeSpan.Zero);
        var session = await world.SessionAsync();
        using var reader = await EventReader.OpenAsync(world.Tenant.Client, session, after: 0, Ct);
        await world.Tenant.Client.SayAsync(session, "!sleep 600000\n!usage 30 10\n!text x", Ct);
        var held = host.Services.GetRequiredService<HeldMoney>();
        while (held.Open == 0) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        await held.LookAsync(Ct);
        Assert.Equal((0, 40), await StandingAsync(world));

        // A call that is interrupted has no usage: what it held comes back at once.
        await world.Tenant.Client.MakeAsync($"/v1/sessions/{session}/events", new { events = new[] { new { type = "user.interrupt" } } }, Ct);
        await reader.UntilAsync("session.status_idle", Ct);
        await world.SettledAsync($"agent:{world.Agent}");
        Assert.Equal(0, held.Open);
    }

    private static async Task HoldAsync(BudgetWorld world, string session, long micros, TimeSpan length)
    {
        var answer = await world.Host.Services.GetRequiredService<IBudgetStore>().HoldAsync(
            new HoldRequest(Id<Hold>.New(), Id<Tenant>.Parse(world.Tenant.Id), session, Id<Node>.New(), [new BudgetKey(BudgetScope.Agent, world.Agent)], micros, micros, length), Ct);
        Assert.True(answer.Holds);
    }

    private static async Task<(int Spent, int Held)> StandingAsync(BudgetWorld world)
    {
        JsonElement budget = await world.Tenant.Client.FetchAsync($"/api/v1/budgets/agent:{world.Agent}", Ct);
        return (budget.GetProperty("spent_micros").GetInt32(), budget.GetProperty("held_micros").GetInt32());
    }

    private static void NobodyShips(IServiceCollection services) => services.Remove(services.Single(static service => service.ImplementationType == typeof(UsageService)));
}

public sealed class BudgetHoldsEmbeddedTests(EmbeddedStore store) : BudgetHoldTests(store), IClassFixture<EmbeddedStore>;

public sealed class BudgetHoldsOnPostgresTests(PostgresStore store) : BudgetHoldTests(store), IClassFixture<PostgresStore>;
