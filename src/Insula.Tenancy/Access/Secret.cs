using System.Diagnostics;

namespace Insula.Tenancy.Access;

/// <summary>
/// Text that must not be seen: a key, a password. It prints masked wherever it is formatted, logged, serialised or shown
/// by a debugger; only <see cref="Reveal"/> gives the text, so every place that lets one out can be found by that word.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class Secret(string text)
{
    private const string Mask = "[secret]";

    private readonly string _text = text;

    public string Reveal() => _text;

    public override string ToString() => Mask;
}
