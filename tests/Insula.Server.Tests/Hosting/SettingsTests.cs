using System.Text.Json;
using Insula.Server.Hosting;
using Insula.Tenancy.Faults;
using Insula.TestKit;

namespace Insula.Server.Tests.Hosting;

public sealed class SettingsTests
{
    [Fact]
    public void Nothing_set_gives_the_embedded_default_on_loopback()
    {
        var settings = ReadSettings.From(new Dictionary<string, string>(), new UpOptions()).Value;

        Assert.Equal(Path.GetFullPath("data"), settings.DataFolder);
        Assert.Equal(["http://127.0.0.1:8080"], settings.Urls);
        Assert.True(settings.SignupOpen);
        Assert.True(settings.Models.Scripted);
    }

    [Fact]
    public void Options_win_over_the_environment()
    {
        var settings = Read(("INSULA_DATA", "/a"), ("INSULA_URLS", "http://127.0.0.1:1"));
        var won = ReadSettings.From(new Dictionary<string, string> { ["INSULA_DATA"] = "/a" }, new UpOptions("/b", "http://127.0.0.1:2")).Value;

        Assert.Equal("/a", settings.DataFolder);
        Assert.Equal(("/b", "http://127.0.0.1:2"), (won.DataFolder, won.Urls.Single()));
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080", true)]
    [InlineData("http://localhost:8080;http://[::1]:8080", true)]
    [InlineData("http://0.0.0.0:8080", false)]
    [InlineData("http://*:8080", false)]
    [InlineData("http://127.0.0.1:8080;http://192.168.1.2:8080", false)]
    [InlineData("http://example.org:8080", false)]
    public void Signup_is_open_by_default_only_where_no_stranger_gets(string urls, bool open) =>
        Assert.Equal(open, Read(("INSULA_URLS", urls)).SignupOpen);

    [Fact]
    public void Signup_can_be_opened_and_closed_in_so_many_words()
    {
        Assert.True(Read(("INSULA_URLS", "http://0.0.0.0:1"), ("INSULA_SIGNUP", "open")).SignupOpen);
        Assert.False(Read(("INSULA_SIGNUP", "closed")).SignupOpen);
    }

    [Theory]
    [InlineData("INSULA_DATAA", "x", "Did you mean 'INSULA_DATA'?")]
    [InlineData("insula_data", "x", "Did you mean 'INSULA_DATA'?")]
    [InlineData("INSULA_SECRET_OF_THE_UNIVERSE", "x", "Known are:")]
    [InlineData("INSULA_SIGNUP", "maybe", "open or closed")]
    [InlineData("INSULA_SCRIPTED", "yes", "on or off")]
    [InlineData("INSULA_DATABASEE", "hunter2", "Did you mean 'INSULA_DATABASE'?")]
    [InlineData("INSULA_DATABASE_", "hunter2", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_", "", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_EU-1", "hunter2", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_MY_DB", "hunter2", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_\u00c4RA", "hunter2", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", "hunter2", "1 to 32 letters and digits")]
    [InlineData("INSULA_DATABASE_MAIN", "hunter2", "The server 'main' is the one of INSULA_DATABASE.")]
    [InlineData("INSULA_DATABASE_EU1", "hunter2", "Set INSULA_DATABASE too")]
    [InlineData("insula_database_eu1", "hunter2", "There is no setting")]
    [InlineData("INSULA_URLS", "https://127.0.0.1:1", "TLS ends in a proxy")]
    [InlineData("INSULA_URLS", "8080", "not an address")]
    [InlineData("INSULA_URLS", ";", "is empty")]
    [InlineData("INSULA_OLLAMA_URL", "ollama:11434", "http:// or https://")]
    [InlineData("INSULA_OPENAI_BASE_URL", "https://user:hunter2@api.example.org", "holds no password")]
    public void A_setting_that_is_not_understood_stops_the_start_and_says_what_would_be(string name, string value, string said)
    {
        var fault = ReadSettings.From(new Dictionary<string, string> { [name] = value }, new UpOptions()).Fault;

        Assert.NotNull(fault);
        Assert.Equal(name, fault.Field);
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Database_servers_are_read_by_name()
    {
        var settings = Read(
            ("INSULA_DATABASE", "Host=canary-main"), ("INSULA_DATABASE_EU1", "Host=canary-eu"), ("INSULA_DATABASE_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "Host=canary-long"), ("INSULA_DATABASE_US1", ""));

        Assert.Equal("Host=canary-main", settings.Database?.Reveal());
        Assert.Equal([("abcdefghijklmnopqrstuvwxyz012345", "Host=canary-long"), ("eu1", "Host=canary-eu")], settings.DatabaseServers.Select(static server => (server.Key, server.Value.Reveal())));
        Assert.DoesNotContain("canary", $"{settings} {string.Join(' ', settings.DatabaseServers)} {JsonSerializer.Serialize(settings)}", StringComparison.Ordinal);
        Assert.Equal("Host=option", ReadSettings.From(new Dictionary<string, string> { ["INSULA_DATABASE"] = "Host=variable" }, new UpOptions(Database: "Host=option")).Value.Database?.Reveal());
        Assert.Equal((null, 0), (Read(("INSULA_DATABASE", "")).Database, Read().DatabaseServers.Count));
    }

    [Fact]
    public void A_database_server_given_twice_or_an_empty_option_stops_the_start_without_showing_a_connection()
    {
        var twice = ReadSettings.From(
            new Dictionary<string, string> { ["INSULA_DATABASE"] = "canary", ["INSULA_DATABASE_EU1"] = "canary", ["INSULA_DATABASE_eu1"] = "canary" }, new UpOptions()).Fault;
        Assert.Contains("'eu1' is given twice", twice?.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", twice?.ToString(), StringComparison.Ordinal);
        Assert.Contains("--database was given without a connection", ReadSettings.From(new Dictionary<string, string>(), new UpOptions(Database: "")).Fault?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_would_mix_tenants_or_says_too_little_stops_the_start_and_is_not_shown()
    {
        foreach (var (text, part) in new[] { ("Host=canary", "Username"), ("Host=canary;Username=u;Database=d;No Reset On Close=true", "No Reset On Close"), ("canary", "cannot be read") })
        {
            using var folder = new TempFolder();
            await using var host = InsulaHost.Build(Read(("INSULA_DATABASE", text), ("INSULA_DATA", folder.Path)));
            var refused = await Assert.ThrowsAsync<FaultException>(() => host.OpenAsync(Task.FromResult, TestContext.Current.CancellationToken));
            Assert.Contains(part, refused.Fault.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("canary", refused.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Secrets_print_masked_wherever_settings_are_printed()
    {
        var settings = Read(("INSULA_OPERATOR_KEY", "canary-operator-key-text"), ("INSULA_OPENAI_API_KEY", "canary-openai"), ("INSULA_ANTHROPIC_API_KEY", "canary-anthropic"));

        Assert.DoesNotContain("canary", settings.ToString(), StringComparison.Ordinal);
        Assert.Equal("canary-openai", settings.Models.OpenAIKey?.Reveal());
    }

    private static HostSettings Read(params (string Name, string Value)[] environment) =>
        ReadSettings.From(environment.ToDictionary(static pair => pair.Name, static pair => pair.Value), new UpOptions()).Value;
}
