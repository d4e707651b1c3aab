using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Client;

/// <summary>A refusal in one shape, whichever of the two the server answered in; this is what <c>-o json</c> prints.</summary>
/// <param name="Status">The HTTP status; 0 when no server answered.</param>
internal sealed record Problem(
    int Status,
    string Code,
    string Detail,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Field = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? RequestId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Advice = null)
{
    public static Problem Of(CommandException error) => error is ApiException { Problem: var problem }
        ? problem with { Advice = error.Advice }
        : new(0, Codes[error.ExitCode], error.Message, Advice: error.Advice);

    /// <summary>Reads RFC 9457 problems, the vendor's error envelope, and whatever a proxy in between may answer.</summary>
    public static Problem Of(int status, string? reason, string? requestId, string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.At("error.message") is not null)
            {
                return new(status, root.TextAt("error.type"), root.TextAt("error.message"), RequestId: Text(root, "request_id") ?? requestId);
            }

            if (root.At("detail") is not null || root.At("title") is not null)
            {
                return new(status, Text(root, "code") ?? "error", Text(root, "detail") ?? root.TextAt("title"), Text(root, "field"), Text(root, "request_id") ?? requestId);
            }
        }
        catch (JsonException)
        {
            // Not ours: a proxy's page says less than its status.
        }

        return new(status, "http_error", $"The server answered {status} {reason}.", RequestId: requestId);
    }

    private static readonly Dictionary<ExitCode, string> Codes = new()
    {
        [ExitCode.Failed] = "failed",
        [ExitCode.Usage] = "usage",
        [ExitCode.Forbidden] = "not_signed_in",
        [ExitCode.NotFound] = "not_found",
        [ExitCode.OverLimit] = "over_limit",
        [ExitCode.Unreachable] = "unreachable",
        [ExitCode.NeedsAction] = "needs_action",
    };

    private static string? Text(JsonElement root, string name) => root.TextAt(name) is { Length: > 0 } text ? text : null;
}

/// <summary>The server refused.</summary>
/// <param name="retryAfter">How long the server asks to wait, when waiting helps.</param>
internal sealed class ApiException(Problem problem, TimeSpan? retryAfter)
    : CommandException(ExitCodeOf(problem), MessageOf(problem), AdviceOf(problem.Status, retryAfter))
{
    public Problem Problem { get; } = problem;

    public TimeSpan? RetryAfter { get; } = retryAfter;

    private static ExitCode ExitCodeOf(Problem problem) => problem.Status switch
    {
        403 when problem.Field?.StartsWith("limits.", StringComparison.Ordinal) == true => ExitCode.OverLimit,
        401 or 403 => ExitCode.Forbidden,
        404 => ExitCode.NotFound,
        402 or 413 or 429 => ExitCode.OverLimit,
        502 or 503 or 504 => ExitCode.Unreachable,
        _ => ExitCode.Failed,
    };

    private static string MessageOf(Problem problem) =>
        problem.Field is { } field && !problem.Detail.Contains(field, StringComparison.Ordinal) ? $"{field}: {problem.Detail}" : problem.Detail;

    private static string? AdviceOf(int status, TimeSpan? retryAfter) => status switch
    {
        401 => "Check the key in --key or INSULA_KEY; it must be in force on this server.",
        429 or 503 when retryAfter is { } wait => $"Try again in {Math.Ceiling(wait.TotalSeconds)} s.",
        _ => null,
    };
}
