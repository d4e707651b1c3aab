using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Insula.Server.Hosting;

/// <summary>Kestrel with a limit on everything that a stranger can make it hold.</summary>
internal static class Listener
{
    private const int ConnectionsMax = 10_000;
    private const int HeaderBytesMax = 32 << 10;
    private const int HeadersMax = 64;
    private const int RequestLineBytesMax = 8 << 10;
    private const double BodyBytesPerSecondMin = 512;

    private static readonly TimeSpan BodyRateGrace = TimeSpan.FromSeconds(5);

    public static void UseListener(this WebApplicationBuilder builder, HostSettings settings)
    {
        builder.WebHost.UseKestrelCore().UseUrls([.. settings.Urls]);
        builder.WebHost.ConfigureKestrel(static kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ConnectionsMax;
            kestrel.Limits.MaxRequestBodySize = Http.BodyLimit.DefaultBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytesMax;
            kestrel.Limits.MaxRequestHeaderCount = HeadersMax;
            kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(BodyBytesPerSecondMin, BodyRateGrace);
        });
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
    }

    /// <summary>Standard output belongs to what a command prints; everything logged goes to standard error.</summary>
    public static void UseLogging(this WebApplicationBuilder builder)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning);
        builder.Logging.AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.IncludeScopes = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(static console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
