using System.Net.Sockets;
using Insula.Tenancy.Faults;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>The one place where the server's and the driver's errors become faults. Addresses and server texts go to the log half only.</summary>
internal static class PgFaults
{
    /// <summary>The fault of something that passes by itself, and takes a moment to.</summary>
    public static Fault Later(Fault fault) => fault with { RetryAfter = TimeSpan.FromSeconds(2) };

    public static Fault Away(string server, string detail) => Later(Fault.Unavailable(
        "store_unavailable",
        "The database does not answer. Nothing acknowledged was lost; try again shortly.",
        $"database server '{server}': {detail}"));

    public static Fault Busy(string server, string detail) => Later(Fault.Unavailable(
        "store_busy",
        "Too many requests wait for the database at this moment. Try again shortly.",
        $"database server '{server}': {detail}"));

    /// <summary>The fault for an error of the server, the driver or the network; the error itself when it is a bug of ours.</summary>
    public static Exception Map(Exception error, string server) => error switch
    {
        PostgresException known when FaultOf(known, server) is { } fault => new FaultException(fault, error),
        PostgresException => error,
        NpgsqlException or SocketException or IOException or TimeoutException => new FaultException(Away(server, error.Message), error),
        _ => error,
    };

    /// <summary>Whether an open connection turned out to be dead: the server was stopped or killed, or the network cut it.</summary>
    public static bool IsLost(Exception error) => error switch
    {
        PostgresException known => known.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        NpgsqlException { InnerException: IOException or SocketException } => true,
        _ => error is IOException or SocketException,
    };

    private static Fault? FaultOf(PostgresException error, string server)
    {
        var detail = $"{error.SqlState}: {error.MessageText}";
        return error.SqlState switch
        {
            PostgresErrorCodes.DiskFull => Fault.Unavailable(
                "store_full", "The disk of the database is full; nothing was changed. Free some space and try again.", $"database server '{server}': {detail}"),
            PostgresErrorCodes.TooManyConnections or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled
                or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.OutOfMemory => Busy(server, detail),
            PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
                or "25P03" or PostgresErrorCodes.ReadOnlySqlTransaction
                or PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => Away(server, detail),
            _ => error.SqlState.StartsWith("08", StringComparison.Ordinal) || error.SqlState.StartsWith("58", StringComparison.Ordinal) ? Away(server, detail) : null,
        };
    }
}
