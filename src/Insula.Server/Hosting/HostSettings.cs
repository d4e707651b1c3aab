using System.Collections.Frozen;
using Insula.Tenancy.Access;
using Insula.Tenancy.Billing;

namespace Insula.Server.Hosting;

/// <summary>Everything that can be set about one server, read once at start by <see cref="ReadSettings"/>.</summary>
internal sealed record HostSettings
{
    /// <summary>Folder of all data, full path. Default <c>./data</c>; made when missing.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Addresses to listen on. Default <c>http://127.0.0.1:8080</c>; port 0 takes a free one.</summary>
    public required IReadOnlyList<string> Urls { get; init; }

    /// <summary>Owner's connection to the main database server; null for the embedded store.</summary>
    public Secret? Database { get; init; }

    /// <summary>The same for further servers, by name; none without a main one.</summary>
    public IReadOnlyDictionary<string, Secret> DatabaseServers { get; init; } = FrozenDictionary<string, Secret>.Empty;

    /// <summary>The operator key to use instead of one made on first start, 24 characters or more.</summary>
    public Secret? OperatorKey { get; init; }

    /// <summary>Whether strangers may sign up. Default: only while every address is on the loopback interface.</summary>
    public required bool SignupOpen { get; init; }

    /// <summary>A YAML file of plans to use instead of <c>plans.yaml</c> in the data folder.</summary>
    public string? PlansFile { get; init; }

    /// <summary>Whether webhooks may be on this machine or its network, and without TLS. Default: no.</summary>
    public bool WebhooksPrivate { get; init; }

    /// <summary>Whom costs are reported to. Default: nobody.</summary>
    public BillingOptions Billing { get; init; } = new();

    /// <summary>Where the model providers are.</summary>
    public ModelSettings Models { get; init; } = new();

    /// <summary>Where to send OpenTelemetry data; accepted, and not used yet.</summary>
    public string? OtlpEndpoint { get; init; }
}

/// <summary>Addresses and keys of the model providers; null takes the provider's own default.</summary>
internal sealed record ModelSettings
{
    public Uri? OpenAIBaseUrl { get; init; }

    public Secret? OpenAIKey { get; init; }

    public Uri? AnthropicBaseUrl { get; init; }

    public Secret? AnthropicKey { get; init; }

    public Uri? OllamaUrl { get; init; }

    /// <summary>Whether <c>insula/scripted</c> can be named. Default: on with the embedded store, off with a database.</summary>
    public bool Scripted { get; init; } = true;
}
