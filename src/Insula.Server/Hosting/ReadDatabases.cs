using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;

namespace Insula.Server.Hosting;

/// <summary>
/// Reads the connections of the database servers: <c>INSULA_DATABASE</c> (or <c>--database</c>) is the main one, and
/// <c>INSULA_DATABASE_EU1</c> adds one named <c>eu1</c>. A connection holds a password, so no message shows one.
/// </summary>
internal static class ReadDatabases
{
    private const string ServerPrefix = SettingNames.Database + "_";
    private const int NameCharsMax = 32;

    /// <summary>Whether this is how the connection of a further server is named, be the server's name a good one or not.</summary>
    public static bool IsServer(string variable) => variable.StartsWith(ServerPrefix, StringComparison.Ordinal);

    /// <param name="option">The option <c>--database</c>, which wins; null when it was not given.</param>
    public static Result<DatabaseSettings> From(IReadOnlyDictionary<string, string> environment, string? option)
    {
        // Left empty by a variable of a script that was not set, it would start the embedded store unasked.
        if (option is { Length: 0 }) return Fault.Invalid(SettingNames.Database, "--database was given without a connection. Give one, such as Host=db;Database=insula;Username=…, or leave --database out.");

        var main = option ?? environment.GetValueOrDefault(SettingNames.Database);
        var servers = new SortedDictionary<string, Secret>(StringComparer.Ordinal);
        foreach (var (variable, connection) in environment.Where(static setting => IsServer(setting.Key)).OrderBy(static setting => setting.Key, StringComparer.Ordinal))
        {
            if (NameOf(variable).Failed(out var fault, out var name)) return fault;
            if (connection.Length == 0) continue;
            if (string.IsNullOrEmpty(main))
            {
                return Fault.Invalid(variable, $"{variable} adds a database server to the main one, and there is no main one. Set {SettingNames.Database} too, or unset {variable}.");
            }

            if (!servers.TryAdd(name, new Secret(connection)))
            {
                return Fault.Invalid(variable, $"The database server '{name}' is given twice: the case of the letters after {ServerPrefix} does not count. Unset one of the two.");
            }
        }

        return new DatabaseSettings(string.IsNullOrEmpty(main) ? null : new Secret(main), servers);
    }

    private static Result<string> NameOf(string variable)
    {
        var name = variable[ServerPrefix.Length..].ToLowerInvariant();
        if (name.Length is < 1 or > NameCharsMax || !name.All(char.IsAsciiLetterOrDigit))
        {
            return Fault.Invalid(variable, $"{variable} names no database server: after {ServerPrefix} come 1 to {NameCharsMax} letters and digits, for example {ServerPrefix}EU1.");
        }

        return name is PlacementOptions.MainServer
            ? Fault.Invalid(variable, $"The server '{name}' is the one of {SettingNames.Database}. Give the further server another name, or set {SettingNames.Database} instead.")
            : name;
    }
}

/// <param name="Main">Null: the embedded store.</param>
/// <param name="Servers">Further servers by name; none without a main one.</param>
internal sealed record DatabaseSettings(Secret? Main, IReadOnlyDictionary<string, Secret> Servers);
