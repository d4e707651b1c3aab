using System.Xml.Linq;
using Insula.TestKit;

namespace Insula.Tests.Build;

/// <summary>Holds the references between projects to the picture in docs/architecture.md: an edge that appears by convenience never leaves.</summary>
public sealed class ProjectEdgesTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Insula.Server"] = ["Insula.Agents", "Insula.Knowledge", "Insula.Sandboxing", "Insula.Storage", "Insula.Tenancy"],
        ["Insula.Storage"] = ["Insula.Agents", "Insula.Tenancy"],
        ["Insula.Agents"] = ["Insula.Knowledge", "Insula.Sandboxing", "Insula.Tenancy"],
        ["Insula.Sandboxing"] = ["Insula.Tenancy"],
        ["Insula.Tenancy"] = [],
        ["Insula.Knowledge"] = [],
        ["Insula.Worker"] = [],
    };

    [Fact]
    public void Projects_reference_only_what_the_architecture_page_shows()
    {
        var wrong = from file in Repository.Files("src", "*.csproj")
                    let name = Path.GetFileNameWithoutExtension(file)
                    from target in ReferencesOf(file)
                    where !Allowed.GetValueOrDefault(name, []).Contains(target)
                    select $"{name} -> {target}: drop the reference, or add the edge here and to docs/architecture.md with the reason.";
        Rule.Holds(wrong);
    }

    [Fact]
    public void Every_project_has_its_place_in_the_architecture()
    {
        var projects = Repository.Files("src", "*.csproj");
        Assert.NotEmpty(projects);
        Rule.Holds(from file in projects
                   let name = Path.GetFileNameWithoutExtension(file)
                   where !Allowed.ContainsKey(name)
                   select $"{name} is new: say here and in docs/architecture.md what it may reference.");
    }

    [Fact]
    public void Nothing_in_the_product_references_a_test_project() =>
        Rule.Holds(from file in Repository.Files("src", "*.csproj")
                   where Repository.Read(file).Contains("/tests/", StringComparison.Ordinal)
                   select $"{file} references a file under tests/.");

    [Fact]
    public void Package_versions_stand_in_one_place() =>
        Rule.Holds(from file in (string[])[.. Repository.Files("src", "*.csproj"), .. Repository.Files("tests", "*.csproj")]
                   from package in XDocument.Load(Repository.PathOf(file)).Descendants("PackageReference")
                   where package.Attribute("Version") is not null || package.Attribute("VersionOverride") is not null
                   select $"{file}: {(string?)package.Attribute("Include")} has its own version; put it into Directory.Packages.props.");

    private static IEnumerable<string> ReferencesOf(string file) =>
        XDocument.Load(Repository.PathOf(file)).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!));
}
