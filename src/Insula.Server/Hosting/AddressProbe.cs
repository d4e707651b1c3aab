using System.Net;
using System.Net.Sockets;
using Insula.Tenancy.Faults;

namespace Insula.Server.Hosting;

/// <summary>Finds out whether the addresses can be listened on, by listening for a moment.</summary>
internal static class AddressProbe
{
    /// <summary>The fault for the first address that cannot be had; null when all can.</summary>
    public static Fault? FindTaken(IReadOnlyList<string> urls)
    {
        foreach (var url in urls)
        {
            if (EndPointOf(url) is not { } endPoint) continue;
            try
            {
                using var listener = new TcpListener(endPoint);
                listener.Start();
            }
            catch (SocketException error)
            {
                return Fault.Unavailable("address_not_available", $"Cannot listen on {url}: {error.Message}. Stop the program that uses it, or choose another address with --urls.");
            }
        }

        return null;
    }

    /// <summary>Null for names and ports that only Kestrel can tell; it says so itself when they do not work.</summary>
    private static IPEndPoint? EndPointOf(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Port == 0) return null;
        if (string.Equals(uri.IdnHost, "localhost", StringComparison.OrdinalIgnoreCase)) return new IPEndPoint(IPAddress.Loopback, uri.Port);
        return IPAddress.TryParse(uri.IdnHost, out var address) ? new IPEndPoint(address, uri.Port) : null;
    }
}
