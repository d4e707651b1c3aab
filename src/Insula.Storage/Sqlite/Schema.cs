using System.Security.Cryptography;
using System.Text;

namespace Insula.Storage.Sqlite;

/// <summary>One step of a schema: a text that is applied once and never changed afterwards.</summary>
internal sealed record Migration(int Version, string Name, string Sql)
{
    /// <summary>Lower-case hex SHA-256 of the text.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));
}

/// <summary>A kind of file: its mark in the header and the migrations that make it, numbered from 1 without gaps.</summary>
/// <param name="Name">How messages call such a file.</param>
internal sealed record Schema(string Name, int ApplicationId, IReadOnlyList<Migration> Migrations)
{
    /// <summary>"INSC".</summary>
    public static Schema Control { get; } = new("control store", 0x494E5343, Load("Control"));

    /// <summary>"INST".</summary>
    public static Schema Tenant { get; } = new("tenant's store", 0x494E5354, Load("Tenant"));

    public int Version => Migrations.Count;

    private static List<Migration> Load(string folder)
    {
        var assembly = typeof(Schema).Assembly;
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
