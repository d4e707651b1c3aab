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

    [GeneratedRegex("(INSULA|OTEL)_[A-Z0-9_]*[A-Z0-9]", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Setting();
}
