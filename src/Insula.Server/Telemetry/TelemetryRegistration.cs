namespace Insula.Server.Telemetry;

internal static class TelemetryRegistration
{
    public static void AddTelemetry(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<HttpMetrics>().AddSingleton<ProcessMetrics>().AddSingleton<MetricsPage>();
    }

    /// <summary>Begins to count, before the first request.</summary>
    public static void StartTelemetry(this IServiceProvider services)
    {
        services.GetRequiredService<MetricsPage>();
        services.GetRequiredService<ProcessMetrics>();
    }
}
