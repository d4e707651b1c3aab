using System.Text.Json.Serialization;

namespace Insula.Server.Commands.Doctor;

internal enum CheckStatus
{
    Ok,

    /// <summary>It works, but not well.</summary>
    Warn,

    /// <summary>Insula cannot run so.</summary>
    Fail,
}

/// <param name="Detail">What was found, with figures.</param>
/// <param name="Fix">What to do; given with every warning and failure.</param>
internal sealed record CheckResult(
    string Name,
    CheckStatus Status,
    string Detail,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Fix = null)
{
    public static CheckResult Ok(string name, string detail) => new(name, CheckStatus.Ok, detail);

    public static CheckResult Warn(string name, string detail, string fix) => new(name, CheckStatus.Warn, detail, fix);

    public static CheckResult Fail(string name, string detail, string fix) => new(name, CheckStatus.Fail, detail, fix);
}
