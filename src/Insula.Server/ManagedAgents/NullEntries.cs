using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

/// <summary>Nullable annotations do not reach into lists, so a null entry is refused here before anything looks at it.</summary>
internal static class NullEntries
{
    public static Fault? In<T>(string field, IReadOnlyList<T?>? list)
        where T : class
    {
        for (var i = 0; i < list?.Count; i++)
        {
            if (list[i] is null) return Fault.Invalid($"{field}[{i}]", $"{field}[{i}] must not be null.");
        }

        return null;
    }
}
