using System.Text.Json;
using System.Text.Unicode;
using Insula.Agents.Knowledge;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Insula.Server.Endpoints;

/// <summary>
/// Reads the files of a <c>multipart/form-data</c> body: any number of fields <c>file</c>, and besides them
/// <c>source</c> (a name for the one file) and <c>metadata</c> (a JSON object of text, for all). The body is bounded by
/// the route's limit; whether a file is text is judged where it is learned.
/// </summary>
internal static class LearnForm
{
    private const int FilesMax = 100;
    private const int BoundaryCharsMax = 70;
    private const int FieldBytesMax = 64 << 10;

    public static bool IsForm(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    public static async Task<Result<IReadOnlyList<TextToLearn>>> ReadAsync(HttpContext http, CancellationToken ct)
    {
        var boundary = HeaderUtilities.RemoveQuotes(MediaTypeHeaderValue.Parse(http.Request.ContentType).Boundary);
        if (boundary.Length is 0 or > BoundaryCharsMax) return ProtocolFaults.Malformed($"The Content-Type needs a boundary of 1 to {BoundaryCharsMax} characters.");
        if ((await http.ReadBytesAsync(ct)).Failed(out var fault, out var body)) return fault;

        try
        {
            return await ReadPartsAsync(new MultipartReader(boundary.ToString(), new MemoryStream(body)), ct);
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            return ProtocolFaults.Malformed("The body is not the multipart/form-data that its Content-Type announces.");
        }
    }

    private static async Task<Result<IReadOnlyList<TextToLearn>>> ReadPartsAsync(MultipartReader reader, CancellationToken ct)
    {
        var files = new List<TextToLearn>();
        string? source = null;
        IReadOnlyDictionary<string, string> metadata = new Dictionary<string, string>();
        while (await reader.ReadNextSectionAsync(ct) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || !disposition.DispositionType.Equals("form-data", StringComparison.OrdinalIgnoreCase))
            {
                return ProtocolFaults.Malformed("A part of the body has no Content-Disposition: form-data.");
            }

            var content = new MemoryStream();
            await section.Body.CopyToAsync(content, ct);
            var bytes = content.GetBuffer().AsMemory(0, (int)content.Length);
            var name = HeaderUtilities.RemoveQuotes(disposition.Name).ToString();
            switch (name)
            {
                case "file" when files.Count == FilesMax:
                    return Fault.Invalid("file", $"The body has more than {FilesMax} files; send them in several requests.");
                case "file":
                    files.Add(new(NameOf(disposition), bytes, section.ContentType, metadata));
                    break;
                case "source" or "metadata" when bytes.Length > FieldBytesMax || !Utf8.IsValid(bytes.Span):
                    return Fault.Invalid(name, $"{name} must be UTF-8 text of at most {FieldBytesMax} bytes.");
                case "source":
                    source = System.Text.Encoding.UTF8.GetString(bytes.Span);
                    break;
                case "metadata":
                    if (ReadMetadata(bytes.Span).Failed(out var fault, out var given)) return fault;
                    metadata = given;
                    break;
                default:
                    return Fault.Invalid("file", "The body has a field that this route does not know. It takes file, source and metadata.", "unknown_field");
            }
        }

        return Name(files, source, metadata);
    }

    private static Result<IReadOnlyList<TextToLearn>> Name(List<TextToLearn> files, string? source, IReadOnlyDictionary<string, string> metadata)
    {
        if (files.Count == 0) return Fault.Invalid("file", "The body has no field file; send at least one file.");
        if (source is not null && files.Count > 1) return Fault.Invalid("source", "source names one file, and the body has several; leave it out to use the file names.");
        return files.ConvertAll(file => file with { Name = source ?? file.Name, Metadata = metadata });
    }

    private static string NameOf(ContentDispositionHeaderValue disposition) =>
        disposition.FileNameStar.HasValue ? disposition.FileNameStar.ToString() : HeaderUtilities.RemoveQuotes(disposition.FileName).ToString();

    private static Result<Dictionary<string, string>> ReadMetadata(ReadOnlySpan<byte> json)
    {
        try
        {
            var read = RequestBody.Parse<Dictionary<string, string>>(json, ApiJson.Options);
            return read.Fault is { } fault ? fault with { Field = "metadata" } : read;
        }
        catch (JsonException)
        {
            return Fault.Invalid("metadata", "metadata must be a JSON object of text.");
        }
    }
}
