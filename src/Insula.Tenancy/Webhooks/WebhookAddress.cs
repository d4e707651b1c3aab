using System.Net;
using System.Net.Sockets;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Webhooks;

/// <summary>
/// Which addresses may be called for tenants: none of this machine, its network or a cloud's metadata, unless the operator
/// allows them. A name is resolved when it is called, and the connection goes to the very address that was looked at.
/// </summary>
public sealed class WebhookAddress(WebhookOptions options)
{
    private const int UrlCharsMax = 2000;

    /// <summary>What a tenant may ask for; what a name stands for is looked at when it is called.</summary>
    public Fault? Check(string url)
    {
        if (url.Length > UrlCharsMax || !Uri.TryCreate(url, UriKind.Absolute, out var uri)) return Fault.Invalid("url", $"url must be an absolute address of at most {UrlCharsMax} characters.");
        if (uri.Scheme != Uri.UriSchemeHttps && !(options.PrivateAllowed && uri.Scheme == Uri.UriSchemeHttp)) return Fault.Invalid("url", "url must begin with https://.");
        if (uri.UserInfo.Length > 0) return Fault.Invalid("url", "url must not hold a name or password: a delivery is known by its signature.");
        return IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address) && !Allows(address)
            ? Fault.Invalid("url", "url is an address of a private network, which only the operator can allow (INSULA_WEBHOOKS_PRIVATE).")
            : null;
    }

    /// <summary>Connects to the first allowed address of the host.</summary>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint host, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(host.Host, ct);
        if (addresses.FirstOrDefault(Allows) is not { } address) throw new HttpRequestException("The name stands for an address of a private network, or for none.");
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, host.Port), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public bool Allows(IPAddress address) => options.PrivateAllowed || IsPublic(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    private static bool IsPublic(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        if (address.AddressFamily != AddressFamily.InterNetwork)
        {
            // Only global unicast; and of that not what wraps an IPv4 address (6to4, Teredo) or is for documentation.
            return (bytes[0] & 0xE0) == 0x20
                && !(bytes[0] == 0x20 && bytes[1] == 0x02)
                && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 0x02)
                && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0D && bytes[3] == 0xB8);
        }

        return bytes switch
        {
            [0 or 10 or 127, ..] => false,
            [100, >= 64 and < 128, ..] => false,
            [169, 254, ..] => false,
            [172, >= 16 and < 32, ..] => false,
            [192, 168, ..] or [192, 0, 0, _] or [192, 0, 2, _] or [192, 88, 99, _] => false,
            [198, 18 or 19, ..] or [198, 51, 100, _] or [203, 0, 113, _] => false,
            [>= 224, ..] => false,
            _ => true,
        };
    }
}

public sealed record WebhookOptions
{
    /// <summary>Whether webhooks may be on this machine or its network, and without TLS.</summary>
    public bool PrivateAllowed { get; init; }
}
