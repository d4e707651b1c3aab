using Insula.Server.Telemetry;

namespace Insula.Server.Http;

/// <summary>
/// The order in which every request is treated. The id comes first, so that each later refusal carries it; refusals wrap
/// all that can fail; the caller is known before a limit is charged, and the limit before anything is done.
/// </summary>
internal static class Pipeline
{
    public static void UseManners(this WebApplication app)
    {
        app.UseMiddleware<RequestIds>();
        app.UseMiddleware<RequestTimer>();
        app.UseMiddleware<Refusals>();
        app.UseRouting();
        app.UseMiddleware<TrafficCount>();
        app.UseMiddleware<Authentication>();
        app.UseMiddleware<RateLimits>();
    }
}
