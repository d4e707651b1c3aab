using System.Text;
using Insula.TestKit;
using Insula.Tests.Build;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Insula.Tests.Reference;

public sealed class MetricsPageTests
{
    private const string Head =
        """
        # Metrics

        Made from the sources by `make docs`; do not edit. `GET /metrics` serves them in the Prometheus text format, to the operator's key and to callers on the same machine. No label names a tenant, and none carries content.

        | metric | kind | unit | what it says |
        |---|---|---|---|

        """;

    [Fact]
    public void The_page_lists_every_metric()
    {
        var rows = from file in Repository.Files("src", "*.cs")
                   from call in CSharpSyntaxTree.ParseText(Repository.Read(file)).GetCompilationUnitRoot().DescendantNodes().OfType<InvocationExpressionSyntax>()
                   let method = (call.Expression as MemberAccessExpressionSyntax)?.Name.Identifier.Text
                   where method is "CreateCounter" or "CreateHistogram" or "CreateUpDownCounter" or "CreateObservableGauge" or "CreateObservableCounter" or "CreateGauge"
                   let texts = call.ArgumentList.Arguments.Select(argument => argument.Expression).OfType<LiteralExpressionSyntax>()
                       .Where(literal => literal.IsKind(SyntaxKind.StringLiteralExpression)).Select(literal => literal.Token.ValueText).ToList()
                   where texts.Count > 0
                   orderby texts[0]
                   select $"| `{texts[0]}` | {Kind(method)} | {(texts.Count > 2 ? texts[1] : "")} | {texts[^1]} |";
        var page = new StringBuilder(Head.ReplaceLineEndings("\n"));
        foreach (var row in rows) page.Append(row).Append('\n');

        Rule.Holds(GeneratedFile.Difference("docs/reference/metrics.md", page.ToString()) is { } difference ? [difference] : []);
    }

    private static string Kind(string method) => method switch
    {
        "CreateCounter" or "CreateObservableCounter" => "counter",
        "CreateHistogram" => "histogram",
        _ => "gauge",
    };
}
