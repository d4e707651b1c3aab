using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;
using Microsoft.Net.Http.Headers;

namespace Insula.Server.Http;

/// <summary>
/// Reads JSON bodies. Whatever arrives, the result is a value or a fault that names the field: a body can never make the
/// server throw. The bytes are checked as a whole first (UTF-8, escapes, depth), because parts that are kept as raw JSON
/// would otherwise fail later, outside of any check.
/// </summary>
internal static class RequestBody
{
    public const string BrokenEscape = "A string holds an escape that is no Unicode character (half of a surrogate pair).";

    /// <summary>The body as a <typeparamref name="T"/>; a missing body is a fault.</summary>
    /// <param name="options"><see cref="ApiJson.Options"/> on <c>/api/v1</c>, <see cref="ApiJson.VendorInput"/> on <c>/v1</c>.</param>
    public static async Task<Result<T>> ReadBodyAsync<T>(this HttpContext http, JsonSerializerOptions options, CancellationToken ct)
    {
        var read = await ReadJsonBytesAsync(http, ct);
        return read.Failed(out var fault, out var bytes) ? fault : Parse<T>(bytes, options);
    }

    /// <summary>The body as a <typeparamref name="T"/>, or null when the request has none.</summary>
    public static async Task<Result<T?>> ReadOptionalBodyAsync<T>(this HttpContext http, JsonSerializerOptions options, CancellationToken ct)
        where T : class
    {
        if (http.Request.ContentLength is 0 or null && !http.Request.Headers.ContainsKey(HeaderNames.TransferEncoding)) return (T?)null;

        var read = await ReadJsonBytesAsync(http, ct);
        if (read.Failed(out var fault, out var bytes)) return fault;
        if (bytes.Length == 0) return (T?)null;
        return Parse<T>(bytes, options).Failed(out fault, out var value) ? fault : value;
    }

    /// <summary>The whole body under the endpoint's <see cref="BodyLimit"/> and its time.</summary>
    public static async Task<Result<byte[]>> ReadBytesAsync(this HttpContext http, CancellationToken ct)
    {
        var limit = BodyLimit.Of(http);
        if (http.Request.ContentLength > limit.BytesMax) return ProtocolFaults.BodyTooLarge(limit.BytesMax);

        var time = http.RequestServices.GetRequiredService<TimeProvider>();
        using var timeout = new CancellationTokenSource(limit.ReadTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            return await DrainAsync(http.Request, limit.BytesMax, either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return ProtocolFaults.BodyTooSlow(limit.ReadTime);
        }
        catch (BadHttpRequestException bad)
        {
            return FaultOf(bad, limit);
        }
        catch (IOException)
        {
            // Kestrel's word for a chunk size that overflows, and for a connection that broke: nobody may read the answer.
            return ProtocolFaults.Malformed("The body broke off, or is not sent by the rules of HTTP.");
        }
    }

    /// <summary>What Kestrel found wrong while the body was read.</summary>
    public static Fault FaultOf(BadHttpRequestException bad, BodyLimit limit) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => ProtocolFaults.BodyTooLarge(limit.BytesMax),
        StatusCodes.Status408RequestTimeout => ProtocolFaults.BodyTooSlow(limit.ReadTime),
        StatusCodes.Status415UnsupportedMediaType => ProtocolFaults.WrongMediaType("application/json"),
        _ => ProtocolFaults.Malformed("The request breaks the rules of HTTP: " + bad.Message),
    };

    private static async Task<Result<byte[]>> DrainAsync(HttpRequest request, long bytesMax, CancellationToken ct)
    {
        var buffer = new ArrayBufferWriter<byte>((int)Math.Clamp(request.ContentLength ?? 0, 256, bytesMax));
        while (true)
        {
            var read = await request.Body.ReadAsync(buffer.GetMemory(), ct);
            if (read == 0) return buffer.WrittenSpan.ToArray();
            buffer.Advance(read);
            if (buffer.WrittenCount > bytesMax) return ProtocolFaults.BodyTooLarge(bytesMax);
        }
    }

    private static async Task<Result<byte[]>> ReadJsonBytesAsync(HttpContext http, CancellationToken ct) =>
        IsJson(http.Request.ContentType) ? await http.ReadBytesAsync(ct) : ProtocolFaults.WrongMediaType("application/json");

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))
        && (!type.Charset.HasValue || type.Charset.Value.AsSpan().Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    internal static Result<T> Parse<T>(ReadOnlySpan<byte> utf8, JsonSerializerOptions options)
    {
        if (utf8.Length == 0) return ProtocolFaults.Malformed("The request has no body; this route needs a JSON object.");
        if (!Utf8.IsValid(utf8)) return ProtocolFaults.Malformed("The body is not valid UTF-8.");
        try
        {
            RefuseBrokenEscapes(utf8, options.MaxDepth);
            return JsonSerializer.Deserialize<T>(utf8, options) is { } value
                ? value
                : ProtocolFaults.Malformed("The body is null; this route needs a JSON object.");
        }
        catch (JsonException error)
        {
            return JsonFaults.Of(error, typeof(T), options);
        }
        catch (NotSupportedException unsupported) when (NestedJson.MissingType(unsupported) is { } error)
        {
            return JsonFaults.Of(error, typeof(T), options);
        }
    }

    // A lone surrogate (\ud800) is legal JSON text that is no Unicode string: it would throw when first looked at.
    private static void RefuseBrokenEscapes(ReadOnlySpan<byte> utf8, int depthMax)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = depthMax });
        try
        {
            while (reader.Read())
            {
                if (reader.ValueIsEscaped) reader.GetString();
            }
        }
        catch (InvalidOperationException error)
        {
            throw new JsonException(BrokenEscape, error);
        }
    }
}
