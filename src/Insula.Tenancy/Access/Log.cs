using Microsoft.Extensions.Logging;

namespace Insula.Tenancy.Access;

/// <summary>Events 1000 to 1099.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Warning, "Last uses of keys were not written; they show again after the next use.")]
    public static partial void LastUsesNotWritten(this ILogger logger, Exception error);

    [LoggerMessage(1001, LogLevel.Information, "Made the pepper file {Path}: back it up apart from the data, for without it every key is void.")]
    public static partial void PepperMade(this ILogger logger, string path);

    [LoggerMessage(1002, LogLevel.Information, "Made the operator key of this installation.")]
    public static partial void OperatorKeyMade(this ILogger logger);

    [LoggerMessage(1003, LogLevel.Warning, "The plans cannot be read; those that were in force stay so until they can.")]
    public static partial void PlansNotRead(this ILogger logger, Exception error);
}
