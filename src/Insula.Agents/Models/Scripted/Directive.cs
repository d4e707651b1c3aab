using System.Text.Json;

namespace Insula.Agents.Models.Scripted;

/// <summary>One line of a script.</summary>
internal abstract record Directive;

/// <summary><c>!text …</c></summary>
internal sealed record SayText(string Text) : Directive;

/// <summary><c>!tool NAME {json}</c>: ends the turn.</summary>
internal sealed record CallTool(string Name, JsonElement Input) : Directive;

/// <summary><c>!sleep MS</c></summary>
internal sealed record Sleep(TimeSpan Length) : Directive;

/// <summary><c>!usage IN OUT</c>: the tokens that the turn reports; the last one in a turn holds.</summary>
internal sealed record ReportUsage(TokenUsage Usage) : Directive;

/// <summary><c>!error STATUS</c>: the turn fails as if a model server had answered so.</summary>
internal sealed record AnswerError(int Status) : Directive;

/// <summary><c>!loop</c>: starts again from the first directive.</summary>
internal sealed record StartAgain : Directive;
