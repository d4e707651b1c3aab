using System.Security.Cryptography;
using System.Text;

namespace Insula.Storage.Engine;

/// <summary>One step of a schema: a text that is applied once and never changed afterwards.</summary>
internal sealed record Migration(int Version, string Name, string Sql)
{
    /// <summary>Lower-case hex SHA-256 of the text.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));
}

/// <summary>The steps that the program carries, from the files of the Migrations folder.</summary>
internal static class MigrationTexts
{
    /// <param name="folder">As a resource is named: <c>Sqlite.Control</c>.</param>
    public static List<Migration> Of(string folder)
    {
        var assembly = typeof(MigrationTexts).Assembly;
        var prefix = $"Insula.Storage.Migrations.{folder}.";
        List<Migration> migrations = [];
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var name = resource[prefix.Length..^".sql".Length];
            if (!char.IsAsciiDigit(name[0])) continue;
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            migrations.Add(new(int.Parse(name.AsSpan(0, 4)), name, reader.ReadToEnd().ReplaceLineEndings("\n")));
            if (migrations[^1].Version != migrations.Count) throw new InvalidOperationException($"Migration {name} breaks the numbering.");
        }

        return migrations;
    }
}
