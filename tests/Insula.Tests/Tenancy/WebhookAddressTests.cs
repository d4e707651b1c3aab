using System.Net;
using Insula.Tenancy.Webhooks;

namespace Insula.Tests.Tenancy;

public sealed class WebhookAddressTests
{
    private static readonly WebhookAddress Strict = new(new WebhookOptions());

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.1")]
    [InlineData("192.168.0.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("fe80::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("ff02::1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2001:0:7f00:1::")]
    [InlineData("2001:db8::1")]
    public void Addresses_of_this_machine_its_network_or_no_one_are_refused(string address)
    {
        Assert.False(Strict.Allows(IPAddress.Parse(address)));
        Assert.True(new WebhookAddress(new WebhookOptions { PrivateAllowed = true }).Allows(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("100.128.0.1")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450::1")]
    public void Public_addresses_are_allowed(string address) => Assert.True(Strict.Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://hooks.example.com/x", "must begin with https://")]
    [InlineData("ftp://hooks.example.com/x", "must begin with https://")]
    [InlineData("https://user:secret@hooks.example.com/", "must not hold a name or password")]
    [InlineData("https://127.0.0.1/", "a private network")]
    [InlineData("https://[::1]/", "a private network")]
    [InlineData("https://2130706433/", "a private network")]
    [InlineData("https://0x7f.1/", "a private network")]
    [InlineData("hooks", "must be an absolute address")]
    public void What_cannot_be_called_is_refused_when_it_is_asked_for(string url, string expected) =>
        Assert.Contains(expected, Strict.Check(url)?.Message, StringComparison.Ordinal);

    [Fact]
    public void A_public_address_may_be_asked_for() => Assert.Null(Strict.Check("https://hooks.example.com/x?y=z"));

    [Fact]
    public async Task A_name_that_stands_for_a_private_address_is_refused_when_it_is_called()
    {
        var error = await Assert.ThrowsAsync<HttpRequestException>(() => Strict.ConnectAsync(new DnsEndPoint("localhost", 1), TestContext.Current.CancellationToken).AsTask());
        Assert.Contains("a private network", error.Message, StringComparison.Ordinal);
    }
}
