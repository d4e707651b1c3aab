using Insula.Server.Hosting;

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
    [InlineData("INSULA_DATABASE", "Host=db", "SQLite files only")]
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
    public void Secrets_print_masked_wherever_settings_are_printed()
    {
        var settings = Read(("INSULA_OPERATOR_KEY", "canary-operator-key-text"), ("INSULA_OPENAI_API_KEY", "canary-openai"), ("INSULA_ANTHROPIC_API_KEY", "canary-anthropic"));

        Assert.DoesNotContain("canary", settings.ToString(), StringComparison.Ordinal);
        Assert.Equal("canary-openai", settings.Models.OpenAIKey?.Reveal());
    }

    private static HostSettings Read(params (string Name, string Value)[] environment) =>
        ReadSettings.From(environment.ToDictionary(static pair => pair.Name, static pair => pair.Value), new UpOptions()).Value;
}
