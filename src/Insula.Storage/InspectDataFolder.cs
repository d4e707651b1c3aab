using Insula.Storage.Sqlite;
using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>What a data folder looks like from outside.</summary>
/// <param name="Holder">The process of the server that uses it, or null.</param>
/// <param name="HasControlStore">False before the first start.</param>
/// <param name="Fault">Why a server would refuse the control store, or null.</param>
public sealed record DataFolderState(string? Holder, bool HasControlStore, Fault? Fault);

/// <summary>
/// Looks at a data folder without opening or changing anything in it, so it is safe beside a running server. It reads the
/// control store's header only: a file that is damaged further in is found when the server opens it.
/// </summary>
public static class InspectDataFolder
{
    public static DataFolderState Inspect(string path)
    {
        var holder = DataFolder.HolderOf(path);
        try
        {
            return new DataFolderState(holder, FileHeader.Check(Path.Combine(path, DataFolder.ControlFileName), Schema.Control), Fault: null);
        }
        catch (FaultException error)
        {
            return new DataFolderState(holder, HasControlStore: true, error.Fault);
        }
    }
}
