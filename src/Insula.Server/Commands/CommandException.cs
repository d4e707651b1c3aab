namespace Insula.Server.Commands;

/// <summary>Ends a command: what happened in one line, and what to do about it.</summary>
internal class CommandException(ExitCode exitCode, string message, string? advice = null, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode ExitCode { get; } = exitCode;

    public string? Advice { get; } = advice;
}
