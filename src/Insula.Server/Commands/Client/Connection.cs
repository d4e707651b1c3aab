using System.Text.Json;
using Insula.Server.Hosting;

namespace Insula.Server.Commands.Client;

/// <summary>Whose key a command needs.</summary>
internal enum KeyKind
{
    Tenant,

    /// <summary>The operator's; it is never kept on disk, so it must be given.</summary>
    Operator,
}

/// <summary>
/// Finds server and key: option, then variable, then the <c>local.json</c> that a server writes into its data folder while
/// it runs. A key from that file goes only to the address in it: never to one that was given by hand.
/// </summary>
internal sealed class Connection(Terminal terminal, string? url, string? key, string? dataFolder)
{
    private const string NoKey = "Give a key with --key or INSULA_KEY.";
    private const string NoOperatorKey =
        "Give the operator key in INSULA_KEY (or with --key). It was printed once, when the data folder was started for the first time.";

    private readonly string? _url = url ?? terminal.Variable(SettingNames.ClientUrl);

    public string DataFolder { get; } = terminal.PathOf(dataFolder ?? terminal.Variable(SettingNames.Data) ?? "data");

    public ApiClient Open(KeyKind kind)
    {
        var local = ReadLocal();
        var address = _url ?? local?.Url ?? throw new CommandException(
            ExitCode.Unreachable,
            $"No running server was found for the data folder {DataFolder}.",
            "Start one with 'insula up', choose its folder with --data, or give an address with --url.");
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            throw new CommandException(ExitCode.Usage, $"'{address}' is not the address of a server.", "Give it as http://HOST:PORT or https://HOST.");
        }

        return new ApiClient(uri, KeyFor(kind, local), terminal.Time);
    }

    /// <summary>The address that commands would use, or null when there is none; for the check-up.</summary>
    public string? Address() => _url ?? ReadLocal()?.Url;

    private string KeyFor(KeyKind kind, LocalServer? local)
    {
        var given = key ?? terminal.Variable(SettingNames.ClientKey);
        if (kind == KeyKind.Operator)
        {
            return given ?? terminal.Variable(SettingNames.OperatorKey)
                ?? throw new CommandException(ExitCode.Forbidden, "This command acts for the operator of the installation and needs the operator key.", NoOperatorKey);
        }

        var found = given ?? (_url is null || SameServer(_url, local?.Url) ? local?.Key : null);
        return found ?? throw new CommandException(ExitCode.Forbidden, local is null ? "This command needs a key." : "The data folder's local.json holds no key for this address.", NoKey);
    }

    private static bool SameServer(string url, string? local) => string.Equals(url.TrimEnd('/'), local?.TrimEnd('/'), StringComparison.OrdinalIgnoreCase);

    private LocalServer? ReadLocal()
    {
        var file = Path.Combine(DataFolder, LocalServer.FileName);
        try
        {
            return JsonSerializer.Deserialize<LocalServer>(File.ReadAllBytes(file), JsonSerializerOptions.Web);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException error)
        {
            throw new CommandException(ExitCode.Forbidden, $"{file} belongs to another user.", "Run the command as the user who runs the server, or give --url and --key.", error);
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            throw new CommandException(ExitCode.Unreachable, $"{file} cannot be read: {error.Message}", "Start the server again with 'insula up', or give --url and --key.", error);
        }
    }
}

/// <summary>What a running server leaves in its data folder for the commands on the same machine.</summary>
/// <param name="Key">The demo tenant's key; null when this server knows none.</param>
internal sealed record LocalServer(string Url, string? Key)
{
    public const string FileName = "local.json";
}
