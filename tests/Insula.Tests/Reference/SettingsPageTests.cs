using System.Text.RegularExpressions;
using Insula.Server.Hosting;
using Insula.TestKit;

namespace Insula.Tests.Reference;

public sealed partial class SettingsPageTests
{
    [Fact]
    public void The_page_names_every_setting_and_no_other()
    {
        var page = Repository.Read("docs/reference/settings.md");
        var named = Setting().Matches(page).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(SettingNames.All.Append(SettingNames.OtlpEndpoint).Distinct().Order(StringComparer.Ordinal), named);
    }

    [Fact]
    public void The_page_says_how_a_further_database_server_is_named() =>
        Assert.Contains($"`{SettingNames.Database}_<NAME>`", Repository.Read("docs/reference/settings.md"), StringComparison.Ordinal);

    [GeneratedRegex("(INSULA|OTEL)_[A-Z0-9_]*[A-Z0-9]", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Setting();
}
