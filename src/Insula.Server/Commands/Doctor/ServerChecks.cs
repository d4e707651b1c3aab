using System.Net;
using System.Net.Sockets;
using Insula.Server.Commands.Client;
using Insula.Server.Hosting;
using Insula.Tenancy.Faults;

namespace Insula.Server.Commands.Doctor;

/// <summary>Whether the settings are right, and whether a server answers or could.</summary>
internal static class ServerChecks
{
    public static CheckResult Settings(Result<HostSettings> read)
    {
        const string name = "settings";
        return read.Failed(out var fault, out var settings)
            ? CheckResult.Fail(name, fault.Message, $"Change or unset {fault.Field ?? "it"}.")
            : CheckResult.Ok(name, $"understood; would listen on {string.Join(", ", settings.Urls)}, sign-up {(settings.SignupOpen ? "open" : "closed")}");
    }

    /// <summary>A server that was found must be ready; without one, the address must be free.</summary>
    public static async Task<CheckResult> ServerAsync(Connection connection, Terminal terminal, CancellationToken ct)
    {
        const string name = "server";
        if (connection.Address() is not { } address) return Port(terminal, connection.DataFolder);
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri)) return CheckResult.Fail(name, $"'{address}' is no address", "Give it as http://HOST:PORT.");

        using var api = new ApiClient(uri, key: null, terminal.Time);
        try
        {
            await api.GetTextAsync("readyz", ct);
            return CheckResult.Ok(name, $"{address} is ready");
        }
        catch (CommandException error)
        {
            return CheckResult.Fail(name, error.Message, error.Advice ?? "Look at the server's log.");
        }
    }

    private static CheckResult Port(Terminal terminal, string dataFolder)
    {
        const string name = "address";
        if (ReadSettings.From(terminal.Environment, new UpOptions(dataFolder)).Failed(out _, out var settings)) return CheckResult.Warn(name, "not looked at: the settings are wrong", "Mend the settings first.");
        foreach (var url in settings.Urls.Select(static url => new Uri(url.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal))))
        {
            var address = IPAddress.TryParse(url.IdnHost, out var parsed) ? parsed : IPAddress.Loopback;
            try
            {
                using var listener = new TcpListener(address, url.Port);
                listener.Start();
            }
            catch (SocketException error)
            {
                return CheckResult.Fail(name, $"{url.GetLeftPart(UriPartial.Authority)} cannot be listened on: {error.Message}", "Stop the other program, or choose another address: insula up --urls http://127.0.0.1:8081");
            }
        }

        return CheckResult.Ok(name, $"{string.Join(", ", settings.Urls)} is free; no server runs on this data folder");
    }
}
