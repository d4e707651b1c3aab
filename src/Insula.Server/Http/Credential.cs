using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Insula.Server.Http;

/// <summary>
/// Finds the credential of a request: <c>Authorization: Bearer</c> or <c>x-api-key</c>, one key in all. Headers are judged
/// here, before any store is touched; whether the key is in force is for <see cref="Authenticate"/>.
/// </summary>
internal static class Credential
{
    private const string ApiKeyHeader = "x-api-key";
    private const string Scheme = "Bearer";
    private const int HeaderCharsMax = 1024;

    private static readonly Fault Missing = new(
        FaultKind.Unauthenticated, "not_signed_in", "This needs an API key. Send it as 'Authorization: Bearer …' or 'x-api-key: …'.");

    private static readonly Fault Ambiguous = Fault.Invalid(
        "authorization", "The request carries more than one API key. Send one, either as Authorization or as x-api-key.", "ambiguous_credentials");

    private static readonly Fault TooLong = Fault.Invalid(
        "authorization", $"The Authorization or x-api-key header is longer than {HeaderCharsMax} characters, so it holds no key.", "credential_too_long");

    private static readonly Fault WrongScheme = new(
        FaultKind.Unauthenticated, "unknown_scheme", "Only the Bearer scheme is taken. Send the API key as 'Authorization: Bearer …' or 'x-api-key: …'.");

    public static bool IsGiven(IHeaderDictionary headers) => headers.ContainsKey(HeaderNames.Authorization) || headers.ContainsKey(ApiKeyHeader);

    public static Result<string> Read(IHeaderDictionary headers)
    {
        if (One(headers[HeaderNames.Authorization]).Failed(out var fault, out var authorization)) return fault;
        if (One(headers[ApiKeyHeader]).Failed(out fault, out var apiKey)) return fault;
        if (authorization.Length == 0) return apiKey.Length == 0 ? Missing : apiKey;
        var space = authorization.IndexOf(' ', StringComparison.Ordinal);
        var scheme = space < 0 ? authorization : authorization[..space];
        if (!string.Equals(scheme, Scheme, StringComparison.OrdinalIgnoreCase)) return WrongScheme;

        var bearer = authorization[scheme.Length..].Trim();
        if (bearer.Length == 0) return Missing;
        return apiKey.Length == 0 || string.Equals(apiKey, bearer, StringComparison.Ordinal) ? bearer : Ambiguous;
    }

    private static Result<string> One(StringValues values) => values switch
    {
        { Count: 0 } => "",
        { Count: > 1 } => Ambiguous,
        _ when values[0]!.Length > HeaderCharsMax => TooLong,
        _ => values[0]!.Trim(),
    };
}
