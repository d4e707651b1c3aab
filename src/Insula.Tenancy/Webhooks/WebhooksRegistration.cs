using System.Diagnostics.Metrics;
using Insula.Tenancy.Access;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Webhooks;

/// <summary>Wires the webhooks. The host runs <see cref="DeliverWebhooks.RunAsync"/> for as long as it serves.</summary>
public static class WebhooksRegistration
{
    public static IServiceCollection AddWebhooks(this IServiceCollection services, WebhookOptions options) => services
        .AddSingleton(options)
        .AddSingleton<WebhookAddress>()
        .AddSingleton(static sp => new WebhookSecrets(sp.GetRequiredService<Peppers>()))
        .AddSingleton<CreateWebhook>()
        .AddSingleton<ManageWebhooks>()
        .AddSingleton<AnnounceStatements>()
        .AddSingleton(static sp => new DeliverWebhooks(
            sp.GetRequiredService<IWebhookStore>(),
            sp.GetRequiredService<WebhookSecrets>(),
            sp.GetRequiredService<WebhookAddress>(),
            sp.GetRequiredService<AnnounceStatements>(),
            sp.GetRequiredService<IMeterFactory>(),
            sp.GetRequiredService<TimeProvider>(),
            sp.GetRequiredService<ILogger<DeliverWebhooks>>()));
}
