namespace Insula.Server.Http;

/// <summary>Log messages of the HTTP edge: event ids 1000 to 1099.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error, "Unexpected error in {Method} {Endpoint}")]
    public static partial void UnexpectedError(this ILogger log, Exception error, string method, string? endpoint);

    [LoggerMessage(1001, LogLevel.Warning, "Refused for now: {Code} ({Detail})")]
    public static partial void PartUnavailable(this ILogger log, string code, string? detail);

    /// <summary>Where it happened, for who looks for it: a database that is away gives one such error for each request.</summary>
    [LoggerMessage(1002, LogLevel.Debug, "Refused for now: {Code}")]
    public static partial void PartUnavailableAt(this ILogger log, Exception error, string code);
}
