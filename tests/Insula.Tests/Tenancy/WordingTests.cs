using Insula.Tenancy.Access;
using Insula.Tenancy.Wording;

namespace Insula.Tests.Tenancy;

public sealed class WordingTests
{
    [Theory]
    [InlineData("INSULA_DATEBASE", "INSULA_DATABASE")]
    [InlineData("insula_urls", "INSULA_URLS")]
    [InlineData("INSULA_URL", "INSULA_URLS")]
    [InlineData("COLOUR", null)]
    public void The_nearest_name_is_suggested_only_when_it_is_near(string unknown, string? nearest) =>
        Assert.Equal(nearest, NearestName.Of(unknown, ["INSULA_DATA", "INSULA_DATABASE", "INSULA_URLS"]));

    [Theory]
    [InlineData("Acme")]
    [InlineData("Ünïcödé & Søns")]
    [InlineData("株式会社")]
    [InlineData("👩‍👩‍👧 family")]
    [InlineData("'; DROP TABLE tenants; --")]
    [InlineData("../../etc/passwd")]
    public void Names_of_any_script_pass(string name) => Assert.Equal(name, VisibleText.Check("name", name, 200).Value);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("a\u0000b")]
    [InlineData("a\nb")]
    [InlineData("a\u001b[31mb")]
    [InlineData("a\u2028b")]
    [InlineData("a\u0085b")]
    [InlineData("\u200b\u200d")]
    public void Names_with_nothing_to_see_or_with_control_characters_are_refused(string? name)
    {
        var fault = VisibleText.Check("name", name, 200).Fault;
        Assert.Equal("name", fault?.Field);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused() => Assert.NotNull(VisibleText.Check("name", "a\ud83d", 200).Fault);

    [Fact]
    public void Length_counts_characters_not_code_units()
    {
        Assert.Null(VisibleText.Check("name", string.Concat(Enumerable.Repeat("👍", 200)), 200).Fault);
        Assert.Equal("name has 201 characters; the limit is 200.", VisibleText.Check("name", new string('x', 201), 200).Fault?.Message);
    }

    [Fact]
    public void Scopes_read_back_and_unknown_ones_are_named()
    {
        Assert.Equal(Permissions.Read | Permissions.Admin, PermissionNames.Parse("scopes", ["admin", "read"]).Value);
        Assert.Equal(["read", "write", "admin"], PermissionNames.Of(Permissions.All));
        Assert.Contains("Did you mean 'write'?", PermissionNames.Parse("scopes", ["wirte"]).Fault?.Message, StringComparison.Ordinal);
        Assert.Equal("scopes", PermissionNames.Parse("scopes", []).Fault?.Field);
    }
}
