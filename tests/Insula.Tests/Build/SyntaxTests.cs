using Insula.TestKit;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Insula.Tests.Build;

/// <summary>House rules that need the syntax tree. An exception goes into its list, with the reason: a listed exception beats a softer rule.</summary>
public sealed class SyntaxTests
{
    private const int MethodLinesMax = 70;
    private const int DependenciesMax = 5;

    /// <summary><c>Type.Method</c> → why it is long.</summary>
    private static readonly Dictionary<string, string> LongMethods = [];

    /// <summary>Type → why it takes so many.</summary>
    private static readonly Dictionary<string, string> ManyDependencies = [];

    private static IReadOnlyList<(string File, CompilationUnitSyntax Tree)> Sources { get; } =
    [
        .. Repository.Files("src", "*.cs").Select(file => (file, CSharpSyntaxTree.ParseText(Repository.Read(file), path: file).GetCompilationUnitRoot())),
    ];

    [Fact]
    public void Methods_stay_short() =>
        Rule.Holds(from source in Sources
                   from method in source.Tree.DescendantNodes().OfType<BaseMethodDeclarationSyntax>()
                   let lines = LinesOf((SyntaxNode?)method.Body ?? method.ExpressionBody)
                   where lines > MethodLinesMax && !LongMethods.ContainsKey($"{TypeOf(method)}.{NameOf(method)}")
                   select $"{source.File}: {TypeOf(method)}.{NameOf(method)} has {lines} lines, at most {MethodLinesMax}: give a part of it a name of its own.");

    [Fact]
    public void Classes_take_few_dependencies() =>
        Rule.Holds(from source in Sources
                   from type in source.Tree.DescendantNodes().OfType<ClassDeclarationSyntax>()
                   let count = Constructors(type).Select(parameters => parameters.Parameters.Count(IsDependency)).DefaultIfEmpty().Max()
                   where count > DependenciesMax && !ManyDependencies.ContainsKey(type.Identifier.Text)
                   select $"{source.File}: {type.Identifier.Text} takes {count} dependencies, at most {DependenciesMax}: it does more than one thing.");

    [Fact]
    public void Classes_are_sealed_unless_something_derives_from_them()
    {
        var bases = Sources.SelectMany(static source => source.Tree.DescendantNodes().OfType<BaseTypeSyntax>()).Select(static type => type.Type.ToString()).ToHashSet();
        Rule.Holds(from source in Sources
                   from type in source.Tree.DescendantNodes().OfType<TypeDeclarationSyntax>()
                   where type is ClassDeclarationSyntax || (type is RecordDeclarationSyntax record && !record.ClassOrStructKeyword.IsKind(SyntaxKind.StructKeyword))
                   where !Closing.Any(word => type.Modifiers.Any(word)) && !bases.Contains(type.Identifier.Text)
                   select $"{source.File}: {type.Identifier.Text} is open and nothing derives from it: seal it.");
    }

    [Fact]
    public void Every_interface_is_a_seam_that_the_architecture_page_lists()
    {
        var page = Repository.Read("docs/architecture.md");
        Rule.Holds(from source in Sources
                   from type in source.Tree.DescendantNodes().OfType<InterfaceDeclarationSyntax>()
                   where !page.Contains($"`{type.Identifier.Text}`", StringComparison.Ordinal)
                   select $"{source.File}: {type.Identifier.Text} is not on the list of seams in docs/architecture.md: name its second implementation there, or use the class.");
    }

    private static readonly SyntaxKind[] Closing = [SyntaxKind.SealedKeyword, SyntaxKind.StaticKeyword, SyntaxKind.AbstractKeyword];

    private static IEnumerable<ParameterListSyntax> Constructors(ClassDeclarationSyntax type) =>
        type.Members.OfType<ConstructorDeclarationSyntax>().Select(constructor => constructor.ParameterList)
            .Concat(type.ParameterList is { } primary ? [primary] : []);

    /// <summary>A part that does work for the class. Values (ids, texts, numbers, the scope it acts under) and what every class may have at hand (clock, log, options, metrics) are none.</summary>
    private static bool IsDependency(ParameterSyntax parameter) => parameter.Type switch
    {
        PredefinedTypeSyntax or ArrayTypeSyntax or NullableTypeSyntax { ElementType: PredefinedTypeSyntax } => false,
        GenericNameSyntax { Identifier.Text: "Id" or "ILogger" } => false,
        IdentifierNameSyntax { Identifier.Text: var name } =>
            name is not ("TimeProvider" or "TimeSpan" or "TenantScope" or "Uri" or "Exception")
            && !name.EndsWith("Options", StringComparison.Ordinal)
            && !name.EndsWith("Settings", StringComparison.Ordinal)
            && !name.EndsWith("Metrics", StringComparison.Ordinal),
        _ => true,
    };

    private static int LinesOf(SyntaxNode? node)
    {
        if (node is null) return 0;
        var span = node.GetLocation().GetLineSpan();
        return span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
    }

    private static string TypeOf(SyntaxNode node) => node.FirstAncestorOrSelf<BaseTypeDeclarationSyntax>()?.Identifier.Text ?? "?";

    private static string NameOf(BaseMethodDeclarationSyntax method) => method is MethodDeclarationSyntax named ? named.Identifier.Text : "constructor or operator";
}
