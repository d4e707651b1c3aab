using Insula.Tenancy.Faults;

namespace Insula.Agents.Models;

/// <summary>Finds the provider of a model name of the form <c>provider/model</c>.</summary>
public sealed class ModelCatalog(IEnumerable<IModelProvider> providers)
{
    private readonly List<IModelProvider> _providers = [.. providers];

    public Result<ResolvedModel> Resolve(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0 && _providers.Find(p => p.Name == name[..slash]) is { } provider) return new ResolvedModel(provider, name[(slash + 1)..]);
        return Fault.Invalid("model", $"There is no model provider for {name}.");
    }
}

/// <summary>A provider and the model's name there.</summary>
public sealed record ResolvedModel(IModelProvider Provider, string Name);
