using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Server.Http;

/// <summary>What endpoints of <c>/api/v1</c> return, and the faults of every route.</summary>
internal static class Answers
{
    public static IResult Ok<T>(T value) => Results.Json(value, ApiJson.Options);

    public static IResult Created<T>(T value) => Results.Json(value, ApiJson.Options, statusCode: StatusCodes.Status201Created);

    public static IResult Accepted<T>(T value) => Results.Json(value, ApiJson.Options, statusCode: StatusCodes.Status202Accepted);

    /// <summary>A list in the shape <c>{"data":[…],"next_page":…}</c>.</summary>
    public static IResult Listed<TItem, TView>(Page<TItem> page, Func<TItem, TView> view) =>
        Ok(new PageView<TView>([.. page.Items.Select(view)], page.Next));

    /// <summary>The fault, as an RFC 9457 problem or, under <c>/v1</c>, as the Anthropic error envelope.</summary>
    public static IResult Of(Fault fault) => new FaultResult(fault);

    /// <summary>The answer to a use case: <paramref name="ok"/> of its value, or its fault.</summary>
    public static IResult Of<T>(Result<T> result, Func<T, IResult> ok) => result.Failed(out var fault, out var value) ? Of(fault) : ok(value);

    private sealed class FaultResult(Fault fault) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => httpContext.WriteFaultAsync(fault);
    }
}

/// <summary>A page on the wire.</summary>
/// <param name="NextPage">Give it back as <c>page</c> for the next one; null at the end.</param>
internal sealed record PageView<T>(IReadOnlyList<T> Data, string? NextPage);

internal static class FaultWriting
{
    /// <summary>Whether this path speaks the Anthropic protocol, whose errors have a shape of their own.</summary>
    public static bool IsVendorPath(this HttpContext http) => http.Request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes the fault as the whole answer. The response must not have started.</summary>
    public static Task WriteFaultAsync(this HttpContext http, Fault fault)
    {
        var status = http.IsVendorPath() ? FaultStatus.OfVendor(fault) : FaultStatus.Of(fault);
        status.WriteHead(http.Response, fault);
        return http.IsVendorPath()
            ? WriteAsync(http, ErrorEnvelope.Of(fault, http.TraceIdentifier), "application/json", AgentsJson.Options)
            : WriteAsync(http, ProblemOf(http, status, fault), "application/problem+json", ApiJson.Options);
    }

    // The instance names the request and not the path: a path holds the id asked for, and the answer for another tenant's
    // id must equal the answer for one that never was.
    private static Problem ProblemOf(HttpContext http, FaultStatus status, Fault fault) => new(
        $"urn:insula:error:{fault.Code}", status.Title, status.Status, fault.Message, $"urn:insula:request:{http.TraceIdentifier}", fault.Code, http.TraceIdentifier)
    {
        Field = fault.Field,
    };

    private static Task WriteAsync<T>(HttpContext http, T body, string contentType, JsonSerializerOptions options) =>
        HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsJsonAsync(body, options, contentType, http.RequestAborted);

    private sealed record Problem(string Type, string Title, int Status, string Detail, string Instance, string Code, string RequestId)
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Field { get; init; }
    }
}

/// <summary>An error in the shape of the Anthropic protocol.</summary>
internal sealed record ErrorEnvelope(string Type, ErrorEnvelope.Body Error, string RequestId)
{
    public static ErrorEnvelope Of(Fault fault, string requestId) =>
        new("error", new(FaultStatus.Of(fault).AnthropicType, fault.Message, new(fault.Code)), requestId);

    internal sealed record Body(string Type, string Message, Details Details);

    /// <param name="ErrorCode">From it the vendor's client chooses the class of its exception.</param>
    internal sealed record Details(string ErrorCode);
}
