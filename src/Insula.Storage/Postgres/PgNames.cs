using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Names inside a server. A tenant's are made of its id's bits, so that no text from outside reaches one.</summary>
internal static class PgNames
{
    /// <summary>The control store, in the main database only.</summary>
    public const string ControlSchema = "insula_control";

    /// <summary>The tenants that share tables; in a tenant's own database, that tenant alone.</summary>
    public const string TenantsSchema = "insula_tenants";

    /// <summary>What only the owner may see: which migrations were applied, the password of the runtime role, the peppers.</summary>
    public const string OwnerSchema = "insula_owner";

    /// <summary>What <see cref="SchemaOf"/> gives, as a regular expression of PostgreSQL's.</summary>
    public const string SchemaPattern = "^t_[0-9a-f]{32}$";

    /// <summary>PostgreSQL cuts longer names off, and then two may be one.</summary>
    private const int NameMax = 63;

    public static string SchemaOf(Id<Tenant> tenant) => $"t_{tenant.Value:x32}";

    /// <summary>Role and database names are the server's, not a database's: each begins with the main database's name.</summary>
    public static string DatabaseOf(string main, Id<Tenant> tenant) => Within(main, $"_t_{tenant.Value:x32}");

    /// <summary>What the names of all tenants' own databases begin with; the digits of the tenant's id follow.</summary>
    public static string DatabasePrefixOf(string main) => DatabaseOf(main, default)[..^32];

    public static string RuntimeRoleOf(string main) => Within(main, "_runtime");

    /// <summary>The role that may use a tenant's schema; the schema has the same name, so that one text sets both.</summary>
    public static string Quote(string name) => new NpgsqlCommandBuilder().QuoteIdentifier(name);

    /// <summary>A text of this program's own inside a statement that takes no parameters.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Within(string main, string suffix)
    {
        if (main.Length + suffix.Length <= NameMax) return main + suffix;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(main)))[..8];
        return $"{main[..(NameMax - suffix.Length - 9)]}_{hash}{suffix}";
    }
}
