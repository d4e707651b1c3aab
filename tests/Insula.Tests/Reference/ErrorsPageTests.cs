using System.Text;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.TestKit;
using Insula.Tests.Build;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Insula.Tests.Reference;

/// <summary>Finds in the sources every code that a fault can carry. A code that is put together at run time would not be found, so the search fails on one.</summary>
public sealed class ErrorsPageTests
{
    private const int MessagesMax = 3;

    private const string Head =
        """
        # Errors

        Made from the sources by `make docs`; do not edit. A code is stable: programs may rely on it, and on nothing in the sentence beside it.

        Under `/api/v1` an error is a problem by RFC 9457, `application/problem+json`:

        ```json
        {"type":"urn:insula:error:tenant_not_found","title":"Not found","status":404,"detail":"There is no such tenant.","instance":"urn:insula:request:req_…","code":"tenant_not_found","request_id":"req_…"}
        ```

        and has `field` when one input is at fault. Under `/v1` it has the vendor's form, with the type instead of the code: `{"type":"error","error":{"type":"not_found_error","message":"There is no such session."},"request_id":"req_…"}`.

        `x-should-retry` says whether waiting helps; when it does, `retry-after` and `retry-after-ms` say how long. Another tenant's object is not found, in the same bytes as one that never was.

        | code | status | `/v1` type | says |
        |---|---|---|---|

        """;

    private static Dictionary<string, CompilationUnitSyntax> Trees { get; } =
        Repository.Files("src", "*.cs").ToDictionary(file => file, file => CSharpSyntaxTree.ParseText(Repository.Read(file)).GetCompilationUnitRoot());

    [Fact]
    public void The_page_lists_every_code()
    {
        var found = Trees.Keys.SelectMany(CodesIn).ToList();
        Assert.Empty(found.Where(code => code.Name is null).Select(code => $"{code.Where}: the code is not a constant"));

        var page = new StringBuilder(Head.ReplaceLineEndings("\n"));
        foreach (var group in found.GroupBy(code => code.Name!).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            var status = FaultStatus.Of(new Fault(group.First().Kind, group.Key, ""));
            var messages = group.Select(code => code.Message).Distinct().Order(StringComparer.Ordinal).ToList();
            var says = messages.Count > MessagesMax ? "An input breaks a rule: `field` names it, and the detail says what it must be." : string.Join("<br>", messages);
            page.Append($"| `{group.Key}` | {status.Status} | `{status.AnthropicType}` | {says.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        }

        Rule.Holds(GeneratedFile.Difference("docs/reference/errors.md", page.ToString()) is { } difference ? [difference] : []);
    }

    private static IEnumerable<Code> CodesIn(string file)
    {
        // The factories themselves pass a code on that their callers name.
        if (file.EndsWith("/Faults/Fault.cs", StringComparison.Ordinal)) return [];

        var nodes = Trees[file].DescendantNodes().ToList();
        return [.. nodes.OfType<InvocationExpressionSyntax>().SelectMany(call => OfFactory(call, file)), .. nodes.OfType<BaseObjectCreationExpressionSyntax>().SelectMany(made => OfConstructor(made, file))];
    }

    private static IEnumerable<Code> OfFactory(InvocationExpressionSyntax call, string file)
    {
        if (call.Expression is not MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "Fault" } } access) return [];
        var arguments = call.ArgumentList.Arguments;
        var factory = access.Name.Identifier.Text;
        return factory switch
        {
            "Invalid" => Argument(arguments, "code", 2) is { } code
                ? Constants(code).Select(name => new Code(name, FaultKind.Invalid, Text(arguments[1].Expression), file))
                : [new Code("invalid_field", FaultKind.Invalid, Text(arguments[1].Expression), file)],
            "NotFound" => Constants(arguments[0].Expression)
                .Select(noun => new Code(noun is null ? null : $"{noun.Replace(' ', '_')}_not_found", FaultKind.NotFound, $"There is no such {noun}.", file)),
            "Conflict" or "Forbidden" or "OverLimit" or "Unavailable" => Constants(arguments[0].Expression)
                .Select(name => new Code(name, Enum.Parse<FaultKind>(factory), Text(arguments[1].Expression), file)),
            _ => [],
        };
    }

    private static IEnumerable<Code> OfConstructor(BaseObjectCreationExpressionSyntax made, string file) =>
        made.ArgumentList?.Arguments is { Count: >= 3 } arguments
        && arguments[0].Expression is MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "FaultKind" } } kind
            ? Constants(arguments[1].Expression).Select(name => new Code(name, Enum.Parse<FaultKind>(kind.Name.Identifier.Text), Text(arguments[2].Expression), file))
            : [];

    /// <summary>What an expression can be: a literal, a constant by its name, or what the callers of this method give for a parameter. Null stands for what cannot be told.</summary>
    private static IEnumerable<string?> Constants(ExpressionSyntax expression)
    {
        switch (expression)
        {
            case LiteralExpressionSyntax literal:
                return [literal.Token.ValueText];
            case MemberAccessExpressionSyntax member:
                return [Declared(member.Name.Identifier.Text, Trees.Values)];
            case IdentifierNameSyntax name when expression.FirstAncestorOrSelf<MethodDeclarationSyntax>() is { } method
                && method.ParameterList.Parameters.FirstOrDefault(parameter => parameter.Identifier.Text == name.Identifier.Text) is { } parameter:
                return GivenFor(method, parameter);
            case IdentifierNameSyntax name:
                return [Declared(name.Identifier.Text, [(CompilationUnitSyntax)expression.SyntaxTree.GetRoot()])];
            default:
                return [null];
        }
    }

    private static IEnumerable<string?> GivenFor(MethodDeclarationSyntax method, ParameterSyntax parameter)
    {
        var type = method.FirstAncestorOrSelf<TypeDeclarationSyntax>()!.Identifier.Text;
        var given = from tree in Trees.Values
                    from call in tree.DescendantNodes().OfType<InvocationExpressionSyntax>()
                    where call.Expression is MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: var owner }, Name.Identifier.Text: var named }
                        && owner == type && named == method.Identifier.Text
                    let argument = Argument(call.ArgumentList.Arguments, parameter.Identifier.Text, method.ParameterList.Parameters.IndexOf(parameter))
                    where argument is not null
                    from value in Constants(argument)
                    select value;
        return parameter.Default is { Value: LiteralExpressionSyntax otherwise } ? given.Append(otherwise.Token.ValueText) : given;
    }

    private static ExpressionSyntax? Argument(SeparatedSyntaxList<ArgumentSyntax> arguments, string name, int index) =>
        (arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.Text == name) ?? (arguments.Count > index ? arguments[index] : null))?.Expression;

    private static string? Declared(string name, IEnumerable<CompilationUnitSyntax> trees) =>
        trees.SelectMany(static tree => tree.DescendantNodes().OfType<VariableDeclaratorSyntax>())
            .Where(variable => variable.Identifier.Text == name)
            .Select(static variable => variable.Initializer?.Value)
            .OfType<LiteralExpressionSyntax>()
            .Select(static value => value.Token.ValueText)
            .FirstOrDefault();

    /// <summary>A message, with … for what is filled in.</summary>
    private static string Text(ExpressionSyntax expression) => expression switch
    {
        LiteralExpressionSyntax literal => literal.Token.ValueText,
        InterpolatedStringExpressionSyntax interpolated => string.Concat(interpolated.Contents.Select(static part => part is InterpolatedStringTextSyntax text ? text.TextToken.ValueText : "…")),
        _ => "The detail says what is wrong.",
    };

    private sealed record Code(string? Name, FaultKind Kind, string Message, string Where);
}
