using Insula.Tenancy.Faults;

namespace Insula.Server.Http;

/// <summary>The faults that HTTP itself makes, before or around a use case.</summary>
internal static class ProtocolFaults
{
    public const string MethodNotAllowed = "method_not_allowed";
    public const string NotAcceptable = "not_acceptable";
    public const string RequestTimeout = "request_timeout";
    public const string UnsupportedMediaType = "unsupported_media_type";
    public const string InternalError = "internal_error";

    public static Fault NoSuchRoute { get; } = new(FaultKind.NotFound, "route_not_found", "There is no such route. The routes are listed in /openapi/v1.json and docs/reference.");

    public static Fault WrongMethod(string allowed) =>
        new(FaultKind.Invalid, MethodNotAllowed, $"This route does not take that method. It takes: {allowed}.");

    public static Fault WrongMediaType(string expected) =>
        new(FaultKind.Invalid, UnsupportedMediaType, $"The body must be sent with Content-Type: {expected}.");

    public static Fault BodyTooLarge(long bytesMax) =>
        new(FaultKind.TooLarge, "body_too_large", $"The body is larger than the {bytesMax} bytes that this route takes.");

    public static Fault BodyTooSlow(TimeSpan limit) =>
        new(FaultKind.Invalid, RequestTimeout, $"The body did not arrive within {limit.TotalSeconds:0} seconds.") { RetryAfter = TimeSpan.FromSeconds(1) };

    public static Fault Malformed(string message) => new(FaultKind.Invalid, "malformed_request", message);

    public static Fault Bug { get; } =
        new(FaultKind.Unavailable, InternalError, "Something went wrong in the server. The log has the details under the request id.");
}
