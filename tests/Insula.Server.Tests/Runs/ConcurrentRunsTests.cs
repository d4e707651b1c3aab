using System.Net.Http.Json;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;
using Insula.TestKit.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Runs;

/// <summary>The quota of runs at work, over HTTP and on both stores: who comes above it is not refused, but waits.</summary>
public abstract class ConcurrentRunsTests(TestStore store)
{
    private const int Calls = 500;
    private const int Allowed = 4;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact(Timeout = 300_000)]
    public async Task Five_hundred_messages_at_once_with_room_for_one_run_begin_one_and_one_that_ends_makes_room()
    {
        var model = new PuppetModel();
        await using var host = await store.StartAsync(new TestHostOptions { Services = services => services.AddSingleton<IModelProvider>(model) }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        (await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { concurrent_runs = Allowed } }, Ct)).EnsureSuccessStatusCode();
        var agent = (await tenant.Client.MakeAsync("/v1/agents", new { name = "a", model = "puppet/strings" }, Ct)).Id();
        var environment = (await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct)).Id();
        var message = new[] { new { type = "user.message", content = new[] { new { type = "text", text = "work" } } } };
        Queue<PuppetCall> calls = [];
        for (var i = 1; i < Allowed; i++)
        {
            await StartAsync();
            calls.Enqueue(await model.NextCallAsync(Ct));
        }

        await Task.WhenAll(Enumerable.Range(0, Calls).Select(_ => StartAsync()));
        calls.Enqueue(await model.NextCallAsync(Ct));
        await OnlyAllowedAsync(Calls - 1);
        for (var ended = 1; ended <= 20; ended++)
        {
            calls.Dequeue().Ends();
            calls.Enqueue(await model.NextCallAsync(Ct));
            await OnlyAllowedAsync(Calls - 1 - ended);
        }

        Task StartAsync() => tenant.Client.MakeAsync("/v1/sessions", new { agent, environment_id = environment, initial_events = message }, Ct);

        async Task OnlyAllowedAsync(int wait)
        {
            var depth = await host.Services.GetRequiredService<IRunQueue>().CountAsync(Ct);
            Assert.Equal((Allowed, wait), (depth.Held, depth.Ready));
            Assert.False(model.WasCalled);
        }
    }
}

public sealed class ConcurrentRunsEmbeddedTests(EmbeddedStore store) : ConcurrentRunsTests(store), IClassFixture<EmbeddedStore>;

public sealed class ConcurrentRunsOnPostgresTests(PostgresStore store) : ConcurrentRunsTests(store), IClassFixture<PostgresStore>;
