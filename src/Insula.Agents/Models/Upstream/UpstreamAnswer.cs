using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Insula.Agents.Models.Upstream;

/// <summary>An answer under way. Disposing it before its end closes the connection, which tells the server to stop.</summary>
internal sealed class UpstreamAnswer(string provider, HttpResponseMessage response, Stream body, CallDeadline deadline) : IDisposable
{
    public Stream Body { get; } = body;

    /// <summary>A page or a plain answer in place of a stream is most often a wrong address, which waiting does not mend.</summary>
    public UpstreamAnswer MustBe(params ReadOnlySpan<string> mediaTypes)
    {
        var type = response.Content.Headers.ContentType?.MediaType ?? "no content type";
        if (mediaTypes.Contains(type, StringComparer.OrdinalIgnoreCase)) return this;
        Dispose();
        throw UpstreamFailure.Refused($"{provider} answered with {type} in place of {mediaTypes[0]}; the operator should check its address.");
    }

    /// <summary>One JSON value of the answer. Throws <see cref="ModelException"/> when it is none of the expected shape.</summary>
    public static T Parse<T>(string provider, ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw UpstreamFailure.Broken(provider, "null stands where an object belongs.");
        }
        catch (JsonException error)
        {
            throw UpstreamFailure.Broken(provider, "it is not the JSON that belongs there.", error);
        }
    }

    public void Dispose()
    {
        response.Dispose();
        deadline.Dispose();
    }
}
