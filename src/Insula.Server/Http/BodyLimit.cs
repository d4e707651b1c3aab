using Microsoft.AspNetCore.Http.Metadata;

namespace Insula.Server.Http;

/// <summary>How large a body an endpoint takes. Kestrel enforces it from the metadata, and so does the reading, for hosts without Kestrel.</summary>
internal sealed record BodyLimit(long BytesMax) : IRequestSizeLimitMetadata
{
    public const long DefaultBytes = 1 << 20;

    /// <summary>Teaching takes 16 MB of text; as JSON it may grow by escapes, so the body may be larger than the text.</summary>
    public const long LearnTextBytes = 16 << 20;

    long? IRequestSizeLimitMetadata.MaxRequestBodySize => BytesMax;

    /// <summary>
    /// How long a body may take as a whole: 30 seconds, and one more for each 128 KB of the limit. Kestrel's lowest data rate
    /// catches a standstill earlier; this catches a drip that stays just above that rate.
    /// </summary>
    public TimeSpan ReadTime => TimeSpan.FromSeconds(30 + (BytesMax / (128 << 10)));

    public static BodyLimit Of(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<BodyLimit>() ?? new(DefaultBytes);
}

internal static class BodyLimits
{
    public static TBuilder LimitBody<TBuilder>(this TBuilder endpoint, long bytesMax)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new BodyLimit(bytesMax));
}
