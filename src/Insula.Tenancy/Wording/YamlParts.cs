using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Insula.Tenancy.Wording;

/// <summary>The operator's file as its readers take it apart: whatever is not as they expect is refused with its line.</summary>
internal static class YamlParts
{
    /// <summary>What a file may hold at its top. Each section has a reader of its own.</summary>
    private static readonly string[] Sections = ["plans", "prices"];

    /// <summary>A section of the file; null when it has none.</summary>
    public static YamlNode? Section(TextReader text, string section)
    {
        var yaml = new YamlStream();
        yaml.Load(text);
        return yaml.Documents.Count == 0 ? null : Mapping(yaml.Documents[0].RootNode, "The file", Sections).GetValueOrDefault(section);
    }

    /// <summary>The entries of a mapping; with <paramref name="allowed"/>, any other key is refused by its name.</summary>
    public static Dictionary<string, YamlNode> Mapping(YamlNode node, string what, IReadOnlyList<string>? allowed)
    {
        if (node is not YamlMappingNode mapping) throw Broken(node, $"{what} must be a mapping of names to values.");

        var entries = new Dictionary<string, YamlNode>();
        foreach (var (keyNode, value) in mapping.Children)
        {
            var key = Text(keyNode, "a key");
            if (allowed?.Contains(key) == false) throw Broken(keyNode, $"unknown key '{key}'. {NearestName.Suggest(key, allowed)}");
            entries.Add(key, value);
        }

        return entries;
    }

    public static string Text(YamlNode node, string what) =>
        node is YamlScalarNode { Value: { } text } ? text : throw Broken(node, $"{what} must be text.");

    public static YamlException Broken(YamlNode node, string message) => new(node.Start, node.End, message);
}
