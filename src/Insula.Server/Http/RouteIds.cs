using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.Http;

/// <summary>Ids in paths.</summary>
internal static class RouteIds
{
    /// <summary>
    /// The id in <paramref name="text"/>. Text that is no id gives the same fault as an id that does not exist, because to
    /// the caller it is one: <paramref name="what"/> must be the word that the use case gives to <see cref="Fault.NotFound"/>.
    /// </summary>
    public static Result<Id<T>> Find<T>(string text, string what)
        where T : IIdentified => Id<T>.TryParse(text, out var id) ? id : Fault.NotFound(what);
}
