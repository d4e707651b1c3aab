using Insula.Agents.Models;
using Insula.Agents.Models.Upstream;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.TestKit;
using Insula.TestKit.Upstream;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Tests.Models;

public sealed class ModelCatalogTests
{
    private static readonly ModelOptions Scripted = new() { Scripted = true };

    [Theory]
    [InlineData("anthropic/claude-x", "anthropic", "claude-x")]
    [InlineData("openai/org/model:7b", "openai", "org/model:7b")]
    [InlineData("ollama/llama", "ollama", "llama")]
    [InlineData("insula/scripted", "insula/scripted", "scripted")]
    [InlineData("claude-sonnet-9", "anthropic", "claude-sonnet-9")]
    [InlineData("gpt-7", "openai", "gpt-7")]
    [InlineData("o3-mini", "openai", "o3-mini")]
    public async Task A_name_leads_to_its_provider(string name, string provider, string model)
    {
        await using var services = Services(Scripted);
        var found = services.GetRequiredService<ModelCatalog>().Resolve(name).Value;
        Assert.Equal((provider, model), (found.Provider.Name, found.Name));
    }

    [Fact]
    public async Task An_alias_of_the_operator_wins_over_the_patterns()
    {
        await using var services = Services(Scripted with { Aliases = new Dictionary<string, string> { ["gpt-7"] = "ollama/llama", ["house"] = "insula/scripted" } });
        var catalog = services.GetRequiredService<ModelCatalog>();
        Assert.Equal("ollama", catalog.Resolve("gpt-7").Value.Provider.Name);
        Assert.Equal("insula/scripted", catalog.Resolve("house").Value.Provider.Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/x")]
    [InlineData("openai/")]
    [InlineData("opus")]
    [InlineData("mistral/large")]
    [InlineData("insula/scripted/x")]
    [InlineData("OpenAI/gpt-7")]
    public async Task An_unknown_name_is_refused_with_the_names_that_are_known(string name)
    {
        await using var services = Services(Scripted);
        Assert.True(services.GetRequiredService<ModelCatalog>().Resolve(name).Failed(out var fault, out _));
        Assert.Equal((FaultKind.Invalid, "unknown_model", "model"), (fault.Kind, fault.Code, fault.Field));
        Assert.Contains("anthropic/…, insula/scripted, ollama/…, openai/…", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_unknown_name_is_not_repeated_whole()
    {
        await using var services = Services(Scripted);
        Assert.True(services.GetRequiredService<ModelCatalog>().Resolve(new string('x', 100_000)).Failed(out var fault, out _));
        Assert.True(fault.Message.Length < 500);
    }

    [Fact]
    public async Task Scripted_cannot_be_named_unless_it_is_switched_on()
    {
        await using var services = Services(new ModelOptions());
        Assert.True(services.GetRequiredService<ModelCatalog>().Resolve("insula/scripted").Failed(out _, out _));
    }

    [Fact]
    public async Task The_list_joins_what_every_provider_has_and_leaves_out_one_that_is_away()
    {
        await using var upstream = await FakeUpstream.StartAsync(TestContext.Current.CancellationToken);
        await using var services = Services(Scripted with
        {
            OpenAI = new ModelServer { BaseUrl = upstream.OpenAIUrl },
            Ollama = new ModelServer { BaseUrl = upstream.Url },
            Anthropic = new ModelServer { BaseUrl = new Uri(upstream.Url, "/nowhere/") },
        });
        upstream.Models = ["m1", "m2"];
        var names = await services.GetRequiredService<ModelCatalog>().ListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["anthropic/m1", "anthropic/m2", "insula/scripted", "ollama/m1", "ollama/m2", "openai/m1", "openai/m2"], names);
        Assert.Contains(upstream.Requests, r => r.Path == "/nowhere/v1/models");

        await upstream.DisposeAsync();
        Assert.Equal(["insula/scripted"], await services.GetRequiredService<ModelCatalog>().ListAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("ftp://host/")]
    [InlineData("http://user:pass@host/")]
    [InlineData("http://host/?key=1")]
    [InlineData("host")]
    public void An_address_that_cannot_work_stops_the_start(string address) =>
        Refuses(new ModelOptions { OpenAI = new ModelServer { BaseUrl = new Uri(address, UriKind.RelativeOrAbsolute) } }, "openai_base_url");

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("key-with-line-end\n")]
    [InlineData("schlüssel")]
    public void A_key_that_cannot_be_sent_stops_the_start_and_is_not_shown(string key)
    {
        var fault = Refuses(new ModelOptions { Anthropic = new ModelServer { ApiKey = new Secret(key) } }, "anthropic_api_key");
        if (key.Length > 0) Assert.DoesNotContain(key, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/b", "openai/x")]
    [InlineData("", "openai/x")]
    [InlineData("fast", "x")]
    public void An_alias_that_cannot_work_stops_the_start(string alias, string target) =>
        Refuses(new ModelOptions { Aliases = new Dictionary<string, string> { [alias] = target } }, "aliases");

    [Fact]
    public void Limits_that_contradict_each_other_stop_the_start()
    {
        Refuses(new ModelOptions { Ollama = new ModelServer { Limits = new UpstreamLimits { Turn = TimeSpan.FromSeconds(1) } } }, "ollama_limits");
        Refuses(new ModelOptions { Ollama = new ModelServer { Limits = new UpstreamLimits { Idle = TimeSpan.Zero } } }, "ollama_limits");
    }

    private static ServiceProvider Services(ModelOptions options) =>
        new ServiceCollection().AddSingleton<TimeProvider>(new ManualClock()).AddModels(options).BuildServiceProvider();

    private static Fault Refuses(ModelOptions options, string field)
    {
        var fault = Assert.Throws<FaultException>(() => new ServiceCollection().AddModels(options)).Fault;
        Assert.Equal(field, fault.Field);
        return fault;
    }
}
