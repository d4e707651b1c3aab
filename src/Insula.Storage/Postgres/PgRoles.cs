using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Faults;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Makes and keeps the role that the program runs as: it logs in, owns nothing and can do nothing to tables but read and
/// write rows. Its password is made here and kept where only the owner reads it, so that every node finds it. What somebody
/// changed about the role is not put back silently: the checks of a start name it.
/// </summary>
internal static class PgRoles
{
    private const string PasswordSecret = "runtime_password";

    /// <summary>The runtime role's password; makes the role, or gives it a password, when needed.</summary>
    public static async Task<string> EnsureRuntimeAsync(NpgsqlConnection owner, string role, CancellationToken ct)
    {
        await using var transaction = await owner.BeginTransactionAsync(ct);
        await PgOwner.RunAsync(owner, "select pg_advisory_xact_lock(hashtextextended('insula role ' || $1, 0))", ct, role);
        var exists = await PgOwner.FirstAsync<bool>(owner, "select exists (select 1 from pg_roles where rolname = $1)", ct, role);
        var stored = await PasswordAsync(owner, ct);
        var password = stored ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        if (!exists || stored is null)
        {
            await RefuseWithoutCreateRoleAsync(owner, role, ct);
            var quoted = PgNames.Quote(role);
            if (!exists) await PgOwner.RunAsync(owner, $"create role {quoted} with login nosuperuser nobypassrls nocreatedb nocreaterole noinherit noreplication", ct);
            await PgOwner.RunAsync(owner, $"alter role {quoted} with password '{Verifier(password)}'", ct);
            // A statement that hangs, or a unit that was left open, must not hold a connection or a row for ever.
            await PgOwner.RunAsync(owner, $"alter role {quoted} set statement_timeout = '30s'; alter role {quoted} set idle_in_transaction_session_timeout = '30s'", ct);
            await NarrowDatabaseAsync(owner, quoted, ct);
            await PgOwner.RunAsync(
                owner,
                $"insert into {PgNames.OwnerSchema}.secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
                ct,
                PasswordSecret,
                Encoding.UTF8.GetBytes(password));
        }

        await transaction.CommitAsync(ct);
        return password;
    }

    /// <summary>
    /// By default everybody may make temporary tables, which come before the real ones of their names. Who does not own the
    /// database cannot change that; the checks of a start then say who must.
    /// </summary>
    private static async Task NarrowDatabaseAsync(NpgsqlConnection owner, string role, CancellationToken ct)
    {
        const string owned = "select quote_ident(datname) from pg_database where datname = current_database() and pg_has_role(datdba, 'usage')";
        if (await PgOwner.FirstAsync<string>(owner, owned, ct) is { } database)
            await PgOwner.RunAsync(owner, $"revoke create, temporary on database {database} from public; grant connect on database {database} to {role}", ct);
    }

    /// <summary>The runtime role's password; null when no start has made one.</summary>
    public static async Task<string?> PasswordAsync(NpgsqlConnection owner, CancellationToken ct) =>
        await PgOwner.FirstAsync<byte[]>(owner, $"select value from {PgNames.OwnerSchema}.secrets where name = $1", ct, PasswordSecret) is { } stored ? Encoding.UTF8.GetString(stored) : null;

    /// <summary>The statements that make the role of one tenant's schema, be it there or not. The runtime role may take it for a transaction and has none of its rights otherwise.</summary>
    public static string SchemaRole(string role, string runtime) =>
        $"""
        do $role$ begin
          if not exists (select 1 from pg_roles where rolname = {PgNames.Literal(role)}) then
            create role {PgNames.Quote(role)} with nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit noreplication;
          end if;
        end $role$;
        grant {PgNames.Quote(role)} to {PgNames.Quote(runtime)};
        """;

    /// <summary>What lets the runtime role log in again; null when something else is wrong.</summary>
    public static string? MendOf(PostgresException error, string database, string role) => error.SqlState switch
    {
        // The next start gives it a new password; nodes that run already have to be started again.
        PostgresErrorCodes.InvalidPassword => $"delete from {PgNames.OwnerSchema}.secrets where name = '{PasswordSecret}'; then start again",
        PostgresErrorCodes.InvalidAuthorizationSpecification => $"alter role {PgNames.Quote(role)} login; and see that pg_hba.conf lets it in with scram-sha-256",
        PostgresErrorCodes.InsufficientPrivilege => $"grant connect on database {PgNames.Quote(database)} to {PgNames.Quote(role)}",
        _ => null,
    };

    private static async Task RefuseWithoutCreateRoleAsync(NpgsqlConnection owner, string role, CancellationToken ct)
    {
        if (await PgOwner.FirstAsync<bool>(owner, "select rolsuper or rolcreaterole from pg_roles where rolname = current_user", ct)) return;
        throw new FaultException(Fault.Unavailable(
            "database_owner_too_weak",
            $"The database's owner cannot make the role '{role}' that Insula runs as. As a superuser: alter role \"{await PgOwner.FirstAsync<string>(owner, "select current_user::text", ct)}\" createrole;"));
    }

    /// <summary>
    /// What the server keeps of a password, worked out here (SCRAM-SHA-256, RFC 5803), so that the password itself is in no
    /// statement and in no log of the server.
    /// </summary>
    private static string Verifier(string password)
    {
        const int iterations = 4096;
        var salt = RandomNumberGenerator.GetBytes(16);
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        var stored = SHA256.HashData(HMACSHA256.HashData(salted, "Client Key"u8));
        var server = HMACSHA256.HashData(salted, "Server Key"u8);
        return $"SCRAM-SHA-256${iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(stored)}:{Convert.ToBase64String(server)}";
    }
}
