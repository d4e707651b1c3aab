using Insula.Agents.Models.Upstream;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Models;

/// <summary>Which models this installation can call; checked when the models are registered.</summary>
public sealed record ModelOptions
{
    /// <summary><c>INSULA_ANTHROPIC_BASE_URL</c> and <c>_API_KEY</c>. Without an address the official API is asked, which needs a key.</summary>
    public ModelServer Anthropic { get; init; } = new();

    /// <summary><c>INSULA_OPENAI_BASE_URL</c> and <c>_API_KEY</c>. The address ends before <c>/chat/completions</c>; a compatible server may need no key.</summary>
    public ModelServer OpenAI { get; init; } = new();

    /// <summary><c>INSULA_OLLAMA_URL</c>. Without an address the provider refuses every call; Ollama has no keys.</summary>
    public ModelServer Ollama { get; init; } = new() { Limits = new UpstreamLimits { FirstByte = TimeSpan.FromMinutes(5) } };

    /// <summary>Whether <c>insula/scripted</c> can be named. It makes tokens up and plays what it is told, so production leaves it off.</summary>
    public bool Scripted { get; init; }

    /// <summary>Bare names and the <c>provider/model</c> that each stands for. They win over the built-in patterns of <see cref="ModelCatalog"/>.</summary>
    public IReadOnlyDictionary<string, string> Aliases { get; init; } = new Dictionary<string, string>();

    internal Fault? Check() =>
        Anthropic.Check("anthropic") ?? OpenAI.Check("openai") ?? Ollama.Check("ollama") ?? CheckAliases();

    private Fault? CheckAliases()
    {
        foreach (var (alias, target) in Aliases)
        {
            if (alias.Length == 0 || alias.Contains('/', StringComparison.Ordinal))
                return Fault.Invalid("aliases", $"The model alias '{alias}' must be a bare name, without a slash.");
            if (!target.Contains('/', StringComparison.Ordinal))
                return Fault.Invalid("aliases", $"The model alias '{alias}' must stand for provider/model, not for '{target}'.");
        }

        return null;
    }
}

/// <summary>Where a model server is, what opens it, and how long we wait for it.</summary>
public sealed record ModelServer
{
    /// <summary>An http or https address; a path in it is kept. Null: the provider's official one, if it has one.</summary>
    public Uri? BaseUrl { get; init; }

    public Secret? ApiKey { get; init; }

    public UpstreamLimits Limits { get; init; } = new();

    internal Fault? Check(string provider)
    {
        if (BaseUrl is { } url)
        {
            if (!url.IsAbsoluteUri || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps))
                return Fault.Invalid($"{provider}_base_url", $"The address of {provider} must begin with http:// or https://.");
            if (url.UserInfo.Length > 0 || url.Query.Length > 0 || url.Fragment.Length > 0)
                return Fault.Invalid($"{provider}_base_url", $"The address of {provider} must hold no user, query or fragment. Give the key as the API key.");
        }

        return ApiKey is { } key && (key.Reveal().Length == 0 || key.Reveal().Any(c => c is <= ' ' or > '~'))
            ? Fault.Invalid($"{provider}_api_key", $"The key of {provider} is empty or holds characters that no key has, such as a space or a line end. Give the bare key.")
            : Limits.Check(provider);
    }
}
