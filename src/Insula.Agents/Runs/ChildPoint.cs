namespace Insula.Agents.Runs;

/// <summary>The moments between a run and the sessions that work for its calls, as the log names them at trace level.</summary>
internal enum ChildPoint
{
    /// <summary>The call stands in its run's log, and the child is not there.</summary>
    Unmade,

    /// <summary>The child is there with its message, and the call waits.</summary>
    Made,

    /// <summary>The child's run is over, and nobody told the parent.</summary>
    ParentAsleep,

    /// <summary>The parent is told, and the child's queue entry still there.</summary>
    ParentWoken,

    /// <summary>What the child answered is read, and not in the parent's log.</summary>
    Answered,

    /// <summary>The parent's run is to end, and its children go on.</summary>
    BeforeInterrupt,

    /// <summary>The children are interrupted, and the parent's run is open in its log.</summary>
    Interrupted,
}
