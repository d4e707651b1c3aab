using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Insula.Server.Commands.Output;

/// <summary>JSON as YAML. Text that YAML would read as something else (<c>true</c>, <c>0123</c>) is quoted.</summary>
internal static class YamlText
{
    public static string Of(JsonElement value)
    {
        var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text);
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, value);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString().TrimEnd('\n').Replace("\n...", "", StringComparison.Ordinal);
    }

    private static void Emit(Emitter emitter, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                emitter.Emit(new MappingStart());
                foreach (var member in value.EnumerateObject())
                {
                    Emit(emitter, member.Name);
                    Emit(emitter, member.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, value.GetArrayLength() == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in value.EnumerateArray()) Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                Emit(emitter, value.GetString()!);
                break;
            default:
                emitter.Emit(new Scalar(value.GetRawText()));
                break;
        }
    }

    private static void Emit(Emitter emitter, string text)
    {
        var style = text.Contains('\n') ? ScalarStyle.Literal : YamlScalars.Resolve(text).ValueKind == JsonValueKind.String ? ScalarStyle.Any : ScalarStyle.DoubleQuoted;
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, style, isPlainImplicit: true, isQuotedImplicit: true));
    }
}
