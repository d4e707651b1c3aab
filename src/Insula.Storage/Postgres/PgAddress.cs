using System.Web;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// The owner's connection to a database, as the operator writes it: the driver's <c>Host=…;Username=…</c> or a URI
/// <c>postgresql://user:password@host:port/database?sslmode=require</c>. Settings that would let one tenant's transaction
/// reach into another's are refused with the mend. No message shows a value: any of them may be a secret.
/// </summary>
internal static class PgAddress
{
    private static readonly string[] Schemes = ["postgresql", "postgres"];

    /// <summary>What libpq calls differently from the driver.</summary>
    private static readonly Dictionary<string, string> UriNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["connect_timeout"] = "Timeout",
        ["application_name"] = "Application Name",
        ["host"] = "Host",
        ["port"] = "Port",
        ["user"] = "Username",
        ["password"] = "Password",
        ["dbname"] = "Database",
    };

    /// <summary>The servers of an installation, the main one first. Throws <see cref="FaultException"/> for one that cannot be read.</summary>
    public static List<(string Name, NpgsqlConnectionStringBuilder Address)> All(PostgresOptions options)
    {
        List<(string, NpgsqlConnectionStringBuilder)> addresses = [];
        foreach (var (name, text) in options.Servers.Prepend(new(PlacementOptions.MainServer, options.Main)))
        {
            var setting = name == PlacementOptions.MainServer ? "INSULA_DATABASE" : $"INSULA_DATABASE_{name.ToUpperInvariant()}";
            if (Read(text.Reveal(), setting).Failed(out var fault, out var address)) throw new FaultException(fault);
            addresses.Add((name, address));
        }

        return addresses;
    }

    /// <param name="name">How the operator knows this server: the setting's name.</param>
    public static Result<NpgsqlConnectionStringBuilder> Read(string text, string name)
    {
        NpgsqlConnectionStringBuilder address;
        try
        {
            address = Schemes.Any(scheme => text.StartsWith(scheme + "://", StringComparison.OrdinalIgnoreCase)) ? FromUri(text) : new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException)
        {
            return Wrong(name, "cannot be read. Give 'Host=…;Port=5432;Username=…;Password=…;Database=…' or 'postgresql://user:password@host:5432/database'");
        }

        if (string.IsNullOrEmpty(address.Host)) return Wrong(name, "names no host. Add Host=…");
        if (string.IsNullOrEmpty(address.Username)) return Wrong(name, "names no user. Add Username=…: the role that owns the database");
        if (string.IsNullOrEmpty(address.Database)) return Wrong(name, "names no database. Add Database=…: an empty one, for Insula alone");
        if (address.Database is "postgres" or "template0" or "template1") return Wrong(name, "names a database of the server's own. Make one for Insula: create database insula");
        return Unsafe(address, name) is { } fault ? fault : address;
    }

    private static Fault? Unsafe(NpgsqlConnectionStringBuilder address, string name)
    {
        if (address.NoResetOnClose) return Leaks(name, "No Reset On Close", "a setting made on a connection would reach its next user");
        if (address.Multiplexing) return Leaks(name, "Multiplexing", "statements of two tenants would share a connection");
        if (Given(address, "Enlist") && address.Enlist) return Leaks(name, "Enlist", "an ambient transaction would tie two tenants' statements together");
        if (!string.IsNullOrEmpty(address.Options)) return Leaks(name, "Options", "it can set the tenant for a whole connection");
        if (!string.IsNullOrEmpty(address.SearchPath)) return Leaks(name, "Search Path", "it decides which tables a statement means");
        return address.Host!.Contains(',', StringComparison.Ordinal)
            ? Wrong(name, "names several hosts. Give the primary's address; a fail-over moves that address")
            : null;
    }

    private static bool Given(NpgsqlConnectionStringBuilder address, string key) => address.Keys.Cast<string>().Contains(key, StringComparer.OrdinalIgnoreCase);

    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        var uri = new Uri(text);
        var user = uri.UserInfo.Split(':', 2);
        var address = new NpgsqlConnectionStringBuilder { Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')) };
        if (uri.IdnHost.Length > 0) address.Host = uri.IdnHost;
        if (uri.Port > 0) address.Port = uri.Port;
        if (user[0].Length > 0) address.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) address.Password = Uri.UnescapeDataString(user[1]);
        var query = HttpUtility.ParseQueryString(uri.Query);
        foreach (var key in query.AllKeys.OfType<string>()) address[UriNames.GetValueOrDefault(key, key)] = query[key];
        return address;
    }

    private static Fault Leaks(string name, string setting, string reason) =>
        Fault.Invalid(name, $"{name} sets {setting}, and with it {reason}. Leave it out.", "unsafe_database_setting");

    private static Fault Wrong(string name, string what) => Fault.Invalid(name, $"{name} {what}.", "invalid_database");
}
