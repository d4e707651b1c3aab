using System.Collections.Frozen;
using System.Globalization;
using Insula.Tenancy.Faults;

namespace Insula.Server.Http;

/// <summary>
/// The one place where a <see cref="Fault"/> becomes HTTP: status, title, Anthropic error type and retry headers. The SDKs
/// of both vendors obey <c>x-should-retry</c> first and then <c>retry-after-ms</c>, <c>retry-after</c>, so every refusal
/// that waiting cannot mend says <c>false</c>: otherwise a client with a used-up quota calls again and again.
/// </summary>
internal sealed record FaultStatus(int Status, string Title, string AnthropicType, bool? ShouldRetry)
{
    /// <summary>Refusals of HTTP itself, which no use case makes, by their code.</summary>
    private static readonly FrozenDictionary<string, FaultStatus> ByCode = new Dictionary<string, FaultStatus>
    {
        [ProtocolFaults.MethodNotAllowed] = new(StatusCodes.Status405MethodNotAllowed, "Method not allowed", "invalid_request_error", null),
        [ProtocolFaults.NotAcceptable] = new(StatusCodes.Status406NotAcceptable, "Not acceptable", "invalid_request_error", null),
        [ProtocolFaults.RequestTimeout] = new(StatusCodes.Status408RequestTimeout, "Request timed out", "timeout_error", true),
        [ProtocolFaults.UnsupportedMediaType] = new(StatusCodes.Status415UnsupportedMediaType, "Unsupported media type", "invalid_request_error", null),
        [ProtocolFaults.InternalError] = new(StatusCodes.Status500InternalServerError, "Internal error", "api_error", null),
    }.ToFrozenDictionary();

    /// <summary>As the vendor's protocol has it, where a used-up quota is told from a rate by <c>x-should-retry</c> alone.</summary>
    private static readonly FaultStatus VendorOverLimit = new(StatusCodes.Status429TooManyRequests, "Quota used up", "rate_limit_error", false);

    public static FaultStatus Of(Fault fault) => ByCode.TryGetValue(fault.Code, out var status) ? status : OfKind(fault.Kind);

    /// <summary>As under <c>/v1</c>.</summary>
    public static FaultStatus OfVendor(Fault fault) => fault.Kind == FaultKind.OverLimit ? VendorOverLimit : Of(fault);

    private static FaultStatus OfKind(FaultKind kind) => kind switch
    {
        FaultKind.Invalid => new(StatusCodes.Status400BadRequest, "Invalid request", "invalid_request_error", null),
        FaultKind.Unauthenticated => new(StatusCodes.Status401Unauthorized, "Not signed in", "authentication_error", false),
        FaultKind.Forbidden => new(StatusCodes.Status403Forbidden, "Forbidden", "permission_error", false),
        FaultKind.NotFound => new(StatusCodes.Status404NotFound, "Not found", "not_found_error", null),
        FaultKind.Conflict => new(StatusCodes.Status409Conflict, "Conflict", "conflict_error", false),
        FaultKind.OverLimit => new(StatusCodes.Status403Forbidden, "Quota used up", "rate_limit_error", false),
        FaultKind.OutOfBudget => new(StatusCodes.Status402PaymentRequired, "Budget used up", "billing_error", false),
        FaultKind.Throttled => new(StatusCodes.Status429TooManyRequests, "Too many requests", "rate_limit_error", true),
        FaultKind.TooLarge => new(StatusCodes.Status413PayloadTooLarge, "Body too large", "invalid_request_error", null),
        FaultKind.Unavailable => new(StatusCodes.Status503ServiceUnavailable, "Unavailable", "overloaded_error", true),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of fault."),
    };

    /// <summary>Writes the status and the headers that go with it.</summary>
    public void WriteHead(HttpResponse response, Fault fault)
    {
        response.StatusCode = Status;
        if (Status == StatusCodes.Status401Unauthorized) response.Headers.WWWAuthenticate = "Bearer";
        if (ShouldRetry is { } shouldRetry) response.Headers["x-should-retry"] = shouldRetry ? "true" : "false";
        if (fault.RetryAfter is not { } wait) return;

        // Rounded up, so that a client that waits exactly this long is let in.
        response.Headers["retry-after-ms"] = ((long)Math.Ceiling(wait.TotalMilliseconds)).ToString(CultureInfo.InvariantCulture);
        response.Headers.RetryAfter = ((long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
    }
}
