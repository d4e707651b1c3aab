namespace Insula.Server.Http;

/// <summary>Log messages of the HTTP edge: event ids 1000 to 1099.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error, "Unexpected error in {Method} {Endpoint}")]
    public static partial void UnexpectedError(this ILogger log, Exception error, string method, string? endpoint);

    [LoggerMessage(1001, LogLevel.Warning, "Refused for now: {Code} ({Detail})")]
    public static partial void PartUnavailable(this ILogger log, Exception error, string code, string? detail);
}
