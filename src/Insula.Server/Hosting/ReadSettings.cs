using System.Net;
using Insula.Tenancy.Access;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Wording;

namespace Insula.Server.Hosting;

/// <summary>
/// Makes <see cref="HostSettings"/> from the environment and the options of <c>insula up</c>, which win. A setting that is
/// not understood stops the start: one that is silently ignored is a wall that is not there. Messages name the setting and
/// never show a value that could be a secret.
/// </summary>
internal static class ReadSettings
{
    private const string DefaultUrl = "http://127.0.0.1:8080";

    /// <param name="environment">Variables by name; only names that begin with INSULA_ or OTEL_ are looked at.</param>
    public static Result<HostSettings> From(IReadOnlyDictionary<string, string> environment, UpOptions options)
    {
        if (Unknown(environment) is { } unknown) return unknown;
        if (ReadDatabases.From(environment, options.Database).Failed(out var fault, out var databases)) return fault;
        if (UrlsOf(options.Urls ?? Get(environment, SettingNames.Urls) ?? DefaultUrl).Failed(out fault, out var urls)) return fault;
        if (Choice(environment, SettingNames.Signup, "open", "closed", urls.All(IsLoopback)).Failed(out fault, out var signup)) return fault;
        if (Choice(environment, SettingNames.WebhooksPrivate, "on", "off", otherwise: false).Failed(out fault, out var webhooksPrivate)) return fault;
        if (Address(environment, SettingNames.StripeUrl).Failed(out fault, out var stripe)) return fault;
        if (Models(environment, scripted: databases.Main is null).Failed(out fault, out var models)) return fault;

        return new HostSettings
        {
            DataFolder = Path.GetFullPath(options.Data ?? Get(environment, SettingNames.Data) ?? "data"),
            Urls = urls,
            Database = databases.Main,
            DatabaseServers = databases.Servers,
            OperatorKey = SecretOf(environment, SettingNames.OperatorKey),
            SignupOpen = signup,
            PlansFile = Get(environment, SettingNames.Plans) is { } plans ? Path.GetFullPath(plans) : null,
            WebhooksPrivate = webhooksPrivate,
            Billing = BillingOf(environment, stripe),
            Models = models,
            OtlpEndpoint = Get(environment, SettingNames.OtlpEndpoint),
        };
    }

    private static Fault? Unknown(IReadOnlyDictionary<string, string> environment)
    {
        var unknown = environment.Keys
            .Where(static name => name.StartsWith(SettingNames.Prefix, StringComparison.OrdinalIgnoreCase) && !SettingNames.All.Contains(name) && !ReadDatabases.IsServer(name))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
        return unknown is null ? null : Fault.Invalid(unknown, $"There is no setting {unknown}. {NearestName.Suggest(unknown, SettingNames.All)}", "unknown_setting");
    }

    private static BillingOptions BillingOf(IReadOnlyDictionary<string, string> environment, Uri? stripe)
    {
        var billing = new BillingOptions { StripeKey = SecretOf(environment, SettingNames.StripeKey) };
        return billing with { StripeUrl = stripe ?? billing.StripeUrl, StripeMeter = Get(environment, SettingNames.StripeMeter) ?? billing.StripeMeter };
    }

    private static Result<ModelSettings> Models(IReadOnlyDictionary<string, string> environment, bool scripted)
    {
        if (Address(environment, SettingNames.OpenAIBaseUrl).Failed(out var fault, out var openAI)) return fault;
        if (Address(environment, SettingNames.AnthropicBaseUrl).Failed(out fault, out var anthropic)) return fault;
        if (Address(environment, SettingNames.OllamaUrl).Failed(out fault, out var ollama)) return fault;
        if (Choice(environment, SettingNames.Scripted, "on", "off", otherwise: scripted).Failed(out fault, out scripted)) return fault;
        return new ModelSettings
        {
            OpenAIBaseUrl = openAI,
            OpenAIKey = SecretOf(environment, SettingNames.OpenAIKey),
            AnthropicBaseUrl = anthropic,
            AnthropicKey = SecretOf(environment, SettingNames.AnthropicKey),
            OllamaUrl = ollama,
            Scripted = scripted,
        };
    }

    private static Result<IReadOnlyList<string>> UrlsOf(string text)
    {
        var urls = text.Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in urls)
        {
            // Kestrel's own forms for "every interface" are no URIs.
            var parsable = url.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal);
            if (!Uri.TryCreate(parsable, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp || uri.PathAndQuery != "/")
            {
                return Fault.Invalid(SettingNames.Urls, $"'{url}' is not an address to listen on. Give http://HOST:PORT, for example {DefaultUrl}; TLS ends in a proxy in front.");
            }
        }

        return urls.Length > 0 ? urls : Fault.Invalid(SettingNames.Urls, $"{SettingNames.Urls} is empty. Give http://HOST:PORT, for example {DefaultUrl}.");
    }

    private static bool IsLoopback(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (string.Equals(uri.IdnHost, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(uri.IdnHost, out var address) && IPAddress.IsLoopback(address)));

    private static Result<Uri?> Address(IReadOnlyDictionary<string, string> environment, string name)
    {
        if (Get(environment, name) is not { } text) return (Uri?)null;

        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps) && uri.UserInfo.Length == 0
            ? uri
            : Fault.Invalid(name, $"{name} must be an address that begins with http:// or https:// and holds no password.");
    }

    private static Result<bool> Choice(IReadOnlyDictionary<string, string> environment, string name, string yes, string no, bool otherwise)
    {
        if (Get(environment, name) is not { } text) return otherwise;
        if (string.Equals(text, yes, StringComparison.OrdinalIgnoreCase)) return true;
        return string.Equals(text, no, StringComparison.OrdinalIgnoreCase) ? false : Fault.Invalid(name, $"{name} must be {yes} or {no}.");
    }

    private static Secret? SecretOf(IReadOnlyDictionary<string, string> environment, string name) => Get(environment, name) is { } text ? new Secret(text) : null;

    /// <summary>An empty variable counts as not set: that is how a compose file passes one on that it has not.</summary>
    private static string? Get(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
}

/// <summary>The options of <c>insula up</c>; null means not given.</summary>
internal sealed record UpOptions(string? Data = null, string? Urls = null, string? Database = null);
