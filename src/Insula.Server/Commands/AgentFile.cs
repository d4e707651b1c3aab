using System.Text.Json;
using System.Text.Json.Nodes;
using Insula.Server.Commands.Output;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Insula.Server.Commands;

/// <summary>
/// Agents in a file: YAML, of which JSON is a part. The shape is that of the API, so the server checks it and names the
/// field at fault; here only what makes it an agent at all is looked at.
/// </summary>
internal static class AgentFile
{
    private const int DepthMax = 32;

    /// <summary>What <c>agent show</c> prints and the API does not take back.</summary>
    private static readonly string[] Answered = ["id", "type", "version", "created_at", "updated_at", "archived_at", "execution_identity", "multiagent"];

    private static readonly string[] Lists = ["tools", "mcp_servers", "skills"];

    private static readonly string[] Texts = ["description", "system"];

    public static IReadOnlyList<JsonObject> Read(string file, Terminal terminal)
    {
        var text = file == "-" ? terminal.In.ReadToEnd() : ReadFile(terminal.PathOf(file), file);
        var documents = new List<JsonObject>();
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            foreach (var document in stream.Documents)
            {
                documents.Add(ToJson(document.RootNode, 0) as JsonObject ?? throw Refuse(file, "a document is not a map of fields"));
            }
        }
        catch (YamlException error)
        {
            throw Refuse(file, $"line {error.Start.Line}: {(error.InnerException?.Message ?? error.Message).TrimEnd('.')}");
        }

        if (documents.Count == 0) throw Refuse(file, "it is empty");
        foreach (var document in documents)
        {
            if (document["name"] is not JsonValue name || name.GetValueKind() != JsonValueKind.String) throw Refuse(file, "an agent has no name");
            foreach (var field in Answered) document.Remove(field);
        }

        return documents;
    }

    /// <summary>A field that the file does not have is set back to its default: the file says all of the agent, not a change of it.</summary>
    public static void ClearWhatIsLeftOut(JsonObject wanted, JsonElement current)
    {
        foreach (var field in Texts.Where(field => !wanted.ContainsKey(field))) wanted[field] = null;
        foreach (var field in Lists.Where(field => !wanted.ContainsKey(field))) wanted[field] = new JsonArray();
        if (current.At("metadata") is not { ValueKind: JsonValueKind.Object } stored) return;

        // Metadata is a patch, in which null removes.
        var metadata = wanted["metadata"] as JsonObject ?? [];
        foreach (var member in stored.EnumerateObject().Where(member => !metadata.ContainsKey(member.Name))) metadata[member.Name] = null;
        wanted["metadata"] = metadata;
    }

    private static string ReadFile(string path, string asGiven)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{asGiven} cannot be read: {error.Message}", "Give the path of a YAML or JSON file, or '-' for stdin.", error);
        }
    }

    private static JsonNode? ToJson(YamlNode node, int depth)
    {
        if (depth > DepthMax) throw new CommandException(ExitCode.Usage, $"The file is nested deeper than {DepthMax} levels, or refers to itself.");
        switch (node)
        {
            case YamlMappingNode map:
                var members = new JsonObject();
                foreach (var (key, value) in map.Children) members[((YamlScalarNode)key).Value ?? ""] = ToJson(value, depth + 1);
                return members;
            case YamlSequenceNode list:
                return new JsonArray([.. list.Children.Select(item => ToJson(item, depth + 1))]);
            case YamlScalarNode { Style: ScalarStyle.Plain } plain:
                return JsonSerializer.SerializeToNode(YamlScalars.Resolve(plain.Value ?? ""));
            default:
                return JsonValue.Create(((YamlScalarNode)node).Value);
        }
    }

    private static CommandException Refuse(string file, string why) =>
        new(ExitCode.Usage, $"{file} holds no agent: {why}.", "See a sample with: insula agent apply --help");
}
