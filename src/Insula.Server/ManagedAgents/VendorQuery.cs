using System.Globalization;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

/// <summary>
/// Reads the filters of a list. Lists of values come as <c>statuses[]=a&amp;statuses[]=b</c> from the npm client and as
/// repeated <c>statuses=</c> from others; both are taken. The first value that is wrong is kept as the fault.
/// </summary>
internal sealed class VendorQuery(IQueryCollection query)
{
    private const int ValuesMax = 100;

    public Fault? Fault { get; private set; }

    public string? Text(string name)
    {
        var values = query[name];
        if (values.Count > 1) Refuse(name, $"{name} must be given once.");
        return values is [{ Length: > 0 } value] ? value : null;
    }

    public bool Flag(string name)
    {
        var text = Text(name);
        if (text is null) return false;
        if (!bool.TryParse(text, out var flag)) Refuse(name, $"{name} must be true or false.");
        return flag;
    }

    public int? Number(string name)
    {
        if (Text(name) is not { } text) return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0) return number;
        Refuse(name, $"{name} must be a whole number from 1.");
        return null;
    }

    public Id<T>? Id<T>(string name)
        where T : IIdentified
    {
        if (Text(name) is not { } text) return null;
        if (Insula.Tenancy.Identity.Id<T>.TryParse(text, out var id)) return id;
        Refuse(name, $"{name} must be an id of the form {T.IdPrefix}_….");
        return null;
    }

    /// <summary>Whether the order asked for is ascending.</summary>
    public bool Ascending(bool byDefault)
    {
        var order = Text("order");
        if (order is not (null or "asc" or "desc")) Refuse("order", "order must be asc or desc.");
        return order is null ? byDefault : order is "asc";
    }

    public IReadOnlyList<string> Values(string name)
    {
        var values = query[name].Concat(query[$"{name}[]"]).OfType<string>().Where(value => value.Length > 0).ToList();
        if (values.Count > ValuesMax) Refuse(name, $"{name} has {values.Count} values; at most {ValuesMax} are allowed.");
        return values;
    }

    public IReadOnlyList<TEnum>? Values<TEnum>(string name)
        where TEnum : struct, Enum
    {
        var values = Values(name);
        if (values.Count == 0) return null;

        var known = Enum.GetValues<TEnum>().ToDictionary(value => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));
        if (values.All(known.ContainsKey)) return [.. values.Select(value => known[value]).Distinct()];
        Refuse(name, $"{name} must be {string.Join(" or ", known.Keys)}.");
        return null;
    }

    /// <summary><c>created_at[gt]</c>, <c>[gte]</c>, <c>[lt]</c> and <c>[lte]</c>.</summary>
    public TimeRange Created() => new(Time("created_at[gt]"), Time("created_at[gte]"), Time("created_at[lt]"), Time("created_at[lte]"));

    private DateTimeOffset? Time(string name)
    {
        if (Text(name) is not { } text) return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)) return time;
        Refuse(name, $"{name} must be a time such as 2026-11-22T08:30:00Z.");
        return null;
    }

    private void Refuse(string field, string message) => Fault ??= Fault.Invalid(field, message);
}
