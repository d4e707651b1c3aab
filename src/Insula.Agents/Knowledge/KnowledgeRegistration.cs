using Insula.Agents.Models;
using Insula.Agents.Models.Reader;
using Insula.Agents.Tools;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Insula.Agents.Knowledge;

/// <summary>What tenants teach, and the three ways to ask it: the query, the model <c>insula/reader</c> and the tool <c>knowledge_search</c>.</summary>
public static class KnowledgeRegistration
{
    public static IServiceCollection AddKnowledge(this IServiceCollection services, KnowledgeOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options).AddSingleton<KnowledgeBases>();
        services.AddSingleton<LearnText>().AddSingleton<ForgetSource>().AddSingleton<QueryKnowledge>().AddSingleton<ListSources>().AddSingleton<ShowSource>();
        services.AddSingleton<IModelProvider, ReaderProvider>();
        services.AddSingleton<BuiltInTool, KnowledgeSearch>();
        return services;
    }
}
