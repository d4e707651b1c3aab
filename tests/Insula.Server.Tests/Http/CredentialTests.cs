using Insula.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Insula.Server.Tests.Http;

public sealed class CredentialTests
{
    [Theory]
    [InlineData("Bearer abc", null, "abc")]
    [InlineData("bearer   abc ", null, "abc")]
    [InlineData(null, "abc", "abc")]
    [InlineData("Bearer abc", "abc", "abc")]
    public void One_key_is_found_wherever_it_is_sent(string? authorization, string? apiKey, string key) =>
        Assert.Equal(key, Credential.Read(Headers(authorization, apiKey)).Value);

    [Theory]
    [InlineData(null, null, "not_signed_in")]
    [InlineData("", "", "not_signed_in")]
    [InlineData("Bearer ", null, "not_signed_in")]
    [InlineData("Bearer", null, "not_signed_in")]
    [InlineData("Basic YTpi", null, "unknown_scheme")]
    [InlineData("abc", null, "unknown_scheme")]
    [InlineData("Bearer abc", "abd", "ambiguous_credentials")]
    public void Anything_else_is_refused_with_the_way_to_do_it(string? authorization, string? apiKey, string code) =>
        Assert.Equal(code, Credential.Read(Headers(authorization, apiKey)).Fault?.Code);

    [Fact]
    public void Two_headers_of_one_name_are_ambiguous_even_when_equal()
    {
        var headers = new HeaderDictionary { ["Authorization"] = new StringValues(["Bearer abc", "Bearer abc"]) };

        Assert.Equal("ambiguous_credentials", Credential.Read(headers).Fault?.Code);
    }

    [Theory]
    [InlineData(1024, "abc")]
    [InlineData(1025, null)]
    public void A_header_over_1_KB_holds_no_key(int length, string? key)
    {
        var read = Credential.Read(Headers("Bearer abc".PadRight(length), null));

        Assert.Equal(key, read.Fault is null ? read.Value : null);
    }

    private static HeaderDictionary Headers(string? authorization, string? apiKey)
    {
        var headers = new HeaderDictionary();
        if (authorization is not null) headers["Authorization"] = authorization;
        if (apiKey is not null) headers["x-api-key"] = apiKey;
        return headers;
    }
}
