using Insula.Server.Http;
using Insula.Server.Telemetry;
using Insula.Storage;

namespace Insula.Server.Endpoints;

/// <summary>What watches the server: is it up, can it serve, what does it do.</summary>
internal static class HealthEndpoints
{
    private static readonly string[] Looking = [HttpMethods.Get, HttpMethods.Head];

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        // Open because a load balancer has no key; neither answer says more than up or not.
        routes.MapMethods("/healthz", Looking, static () => Results.Text("ok\n")).AllowAnonymousCaller().ExcludeFromDescription();
        routes.MapMethods("/readyz", Looking, ReadyAsync).AllowAnonymousCaller().ExcludeFromDescription();
        routes.MapGet("/metrics", static (MetricsPage page) => Results.Text(page.Write(), MetricsPage.ContentType)).RequireOperatorOrLocal().ExcludeFromDescription();
    }

    private static async Task<IResult> ReadyAsync(InstalledStorage storage, CancellationToken ct) =>
        await storage.CheckAsync(ct) is { } fault ? Answers.Of(fault) : Results.Text("ready\n");
}
