using Insula.Tenancy.Faults;

namespace Insula.Agents.Models;

/// <summary>
/// Finds the provider of a model name. A name is <c>provider/model</c>, split at the first slash, or a bare alias: one of
/// <see cref="ModelOptions.Aliases"/>, or <c>claude-…</c> (anthropic), <c>gpt-…</c> and <c>o1</c>, <c>o3-mini</c> …
/// (openai). The built-in models are each a provider registered under its whole name, and are looked up first.
/// </summary>
public sealed class ModelCatalog(IEnumerable<IModelProvider> providers, ModelOptions options)
{
    private const int ShownCharsMax = 100;

    private readonly SortedDictionary<string, IModelProvider> _providers = new(providers.ToDictionary(p => p.Name), StringComparer.Ordinal);

    public Result<ResolvedModel> Resolve(string name)
    {
        if (Expand(name) is not { } full) return Unknown(name, "it has no provider in front and is no known alias");
        var slash = full.IndexOf('/', StringComparison.Ordinal);
        var (provider, model) = (full[..slash], full[(slash + 1)..]);
        if (model.Length == 0) return Unknown(name, "nothing stands after the slash");
        return _providers.TryGetValue(full, out var found) || _providers.TryGetValue(provider, out found)
            ? new ResolvedModel(found, model)
            : Unknown(name, "this installation does not have it");
    }

    /// <summary>Every model that can be named now, as whole names in order. Providers are asked at the same time; one that does not answer adds nothing.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken ct)
    {
        var lists = await Task.WhenAll(_providers.Values.Select(p => p.ListAsync(ct)));
        return [.. lists.SelectMany(names => names).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private string? Expand(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal)) return name;
        if (options.Aliases.TryGetValue(name, out var target)) return target;
        if (name.StartsWith("claude-", StringComparison.Ordinal)) return $"anthropic/{name}";
        var isOpenAI = name.StartsWith("gpt-", StringComparison.Ordinal) || (name.Length > 1 && name[0] == 'o' && char.IsAsciiDigit(name[1]));
        return isOpenAI ? $"openai/{name}" : null;
    }

    private Fault Unknown(string name, string why)
    {
        var shown = name.Length <= ShownCharsMax ? name : $"{name[..ShownCharsMax]}…";
        return Fault.Invalid(
            "model",
            $"There is no model '{shown}': {why}. Name it as provider/model; known here are {string.Join(", ", _providers.Keys.Select(Form))}.",
            "unknown_model");
    }

    private static string Form(string provider) => provider.Contains('/', StringComparison.Ordinal) ? provider : $"{provider}/…";
}

/// <summary>A provider and the model's name there.</summary>
public sealed record ResolvedModel(IModelProvider Provider, string Name)
{
    /// <summary><c>provider/model</c>, whatever alias it was asked for by: what prices and usage know it as.</summary>
    public string FullName => Provider.Name.Contains('/', StringComparison.Ordinal) ? Provider.Name : $"{Provider.Name}/{Name}";
}
