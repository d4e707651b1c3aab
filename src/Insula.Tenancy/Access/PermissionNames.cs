using Insula.Tenancy.Faults;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Access;

/// <summary>The wire's spelling of <see cref="Permissions"/>: <c>read</c>, <c>write</c>, <c>admin</c>.</summary>
public static class PermissionNames
{
    private static readonly (string Name, Permissions Value)[] Known =
        [("read", Permissions.Read), ("write", Permissions.Write), ("admin", Permissions.Admin)];

    private static readonly string[] KnownNames = [.. Known.Select(static known => known.Name)];

    public static IReadOnlyList<string> Of(Permissions permissions) =>
        [.. Known.Where(known => (permissions & known.Value) != Permissions.None).Select(static known => known.Name)];

    public static Result<Permissions> Parse(string field, IReadOnlyList<string> names)
    {
        var permissions = Permissions.None;
        foreach (var name in names)
        {
            var index = Array.IndexOf(KnownNames, name);
            if (index < 0) return Fault.Invalid(field, $"There is no scope of that name in {field}. {NearestName.Suggest(name ?? "", KnownNames)}");
            permissions |= Known[index].Value;
        }

        return permissions != Permissions.None ? permissions : Fault.Invalid(field, $"{field} must name at least one scope. Known are: {string.Join(", ", KnownNames)}.");
    }
}
