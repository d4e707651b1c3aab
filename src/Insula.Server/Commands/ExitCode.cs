namespace Insula.Server.Commands;

/// <summary>What the program ends with; a stable contract with scripts, documented in docs/reference/cli.md.</summary>
internal enum ExitCode
{
    Ok = 0,

    /// <summary>The work was tried and failed, or a part of it did.</summary>
    Failed = 1,

    /// <summary>The command line itself is wrong; nothing was tried.</summary>
    Usage = 2,

    /// <summary>No key, a key that is not in force, or one without the right.</summary>
    Forbidden = 3,

    NotFound = 4,

    /// <summary>A rate, quota, budget or size limit.</summary>
    OverLimit = 5,

    /// <summary>The server cannot be reached, or cannot serve now.</summary>
    Unreachable = 6,

    /// <summary>The run waits for a person's answer and nobody is there to give it.</summary>
    NeedsAction = 7,

    /// <summary>Ended by Ctrl-C.</summary>
    Interrupted = 130,
}
