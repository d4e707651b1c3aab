using Insula.Agents.Models.Anthropic;
using Insula.Agents.Models.Ollama;
using Insula.Agents.Models.OpenAI;
using Insula.Agents.Models.Scripted;
using Insula.Tenancy.Faults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Insula.Agents.Models;

/// <summary>The models that agents can name, behind <see cref="ModelCatalog"/>.</summary>
public static class ModelRegistration
{
    /// <summary>Throws <see cref="FaultException"/> that names the setting when the options cannot work.</summary>
    public static IServiceCollection AddModels(this IServiceCollection services, ModelOptions options)
    {
        if (options.Check() is { } fault) throw new FaultException(fault);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options).AddSingleton<ModelCatalog>();
        services.AddSingleton<IModelProvider>(of => new AnthropicProvider(options.Anthropic, of.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IModelProvider>(of => new OpenAIProvider(options.OpenAI, of.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IModelProvider>(of => new OllamaProvider(options.Ollama, of.GetRequiredService<TimeProvider>()));
        if (options.Scripted) services.AddSingleton<IModelProvider, ScriptedProvider>();
        return services;
    }
}
