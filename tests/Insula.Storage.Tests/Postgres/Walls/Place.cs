using Insula.Storage.Postgres;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>One schema that holds rows of tenants, and how a unit of work for one of them gets there.</summary>
/// <param name="Name">control, shared, schema or database.</param>
/// <param name="Superuser">A connection to its database that no wall holds.</param>
/// <param name="Runtime">A connection of the runtime role to the same database.</param>
/// <param name="Schema">Where the tables are.</param>
/// <param name="Role">The role that a unit takes, or null to stay the runtime role.</param>
internal sealed record Place(string Name, string Superuser, string Runtime, string Schema, string? Role)
{
    public string RuntimeRole { get; } = new NpgsqlConnectionStringBuilder(Runtime).Username!;

    /// <summary>Who holds the rights on its tables.</summary>
    public string User => Role ?? RuntimeRole;

    /// <summary>Sets what a unit of work for a tenant sets, for the transaction that is open.</summary>
    public async Task ActAsync(NpgsqlConnection connection, string tenant, bool platform = false)
    {
        await Sql.RunAsync(connection, $"select set_config('insula.tenant', '{tenant}', true), set_config('insula.platform', '{(platform ? "on" : "")}', true)");
        if (Role is not null) await Sql.RunAsync(connection, $"set local role {Role}");
    }

    public Task<NpgsqlConnection> SuperuserAsync() => Sql.OpenAsync(Superuser);

    public Task<NpgsqlConnection> RuntimeAsync() => Sql.OpenAsync(Runtime);
}

/// <summary>A database with every place in it: tenants A and B have rows in every table of each.</summary>
public sealed class WalledHome(SharedPostgres postgres) : IAsyncLifetime
{
    private readonly PostgresHome _home = new(postgres);

    /// <summary>Rows of each tenant in each table.</summary>
    public const int Rows = 3;

    internal Tenant A { get; private set; } = null!;

    internal Tenant B { get; private set; } = null!;

    internal IReadOnlyList<Place> Places { get; private set; } = [];

    internal PostgresHome Home => _home;

    public async ValueTask InitializeAsync()
    {
        await _home.OpenAsync();
        A = await _home.AddTenantAsync(Placement.Schema);
        B = await _home.AddTenantAsync(Placement.Schema);
        var own = await _home.AddTenantAsync(Placement.Database);

        var main = new NpgsqlConnectionStringBuilder(_home.Database.SuperuserConnectionString) { Pooling = false };
        await using var superuser = await Sql.OpenAsync(main.ConnectionString);
        var password = await Sql.FirstAsync<byte[]>(superuser, "select value from insula_owner.secrets where name = 'runtime_password'");
        Place In(string name, string schema, string? database = null, string? role = null)
        {
            var there = new NpgsqlConnectionStringBuilder(main.ConnectionString) { Database = database ?? main.Database };
            var runtime = new NpgsqlConnectionStringBuilder(there.ConnectionString) { Username = PgNames.RuntimeRoleOf(main.Database!), Password = System.Text.Encoding.UTF8.GetString(password!) };
            return new Place(name, there.ConnectionString, runtime.ConnectionString, schema, role);
        }

        Places =
        [
            In("control", PgNames.ControlSchema),
            In("shared", PgNames.TenantsSchema),
            In("schema", PgNames.SchemaOf(A.Id), role: PgNames.SchemaOf(A.Id)),
            In("database", PgNames.TenantsSchema, PgNames.DatabaseOf(main.Database!, own.Id)),
        ];
        foreach (var place in Places) await FillAsync(place);
    }

    internal Place this[string name] => Places.Single(place => place.Name == name);

    public ValueTask DisposeAsync() => _home.DisposeAsync();

    private async Task FillAsync(Place place)
    {
        await using var superuser = await place.SuperuserAsync();
        var tables = (await Relation.AllAsync(superuser, place.Schema)).Where(static relation => relation.IsTable).ToList();
        // The rows fit together by how they are made; without triggers their order does not matter.
        await Sql.RunAsync(superuser, "set session_replication_role = replica");
        foreach (var table in tables)
        {
            await Sql.RunAsync(superuser, $"delete from {table.Name}");
            foreach (var (tag, tenant) in ((string, string)[])[("a", A.Id.ToString()), ("b", B.Id.ToString())])
            {
                for (var i = 1; i <= table.RowsOf(Rows); i++)
                {
                    if (table.Key is null && tag == "a") continue;
                    await Sql.RunAsync(superuser, new RowMaker(tables, table).Insert(tenant, tag, i));
                }
            }
        }

        foreach (var table in tables) await Sql.RunAsync(superuser, $"analyze {table.Name}");
    }
}

internal static class Sql
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<NpgsqlConnection> OpenAsync(string text)
    {
        var connection = new NpgsqlConnection(text);
        await connection.OpenAsync(Ct);
        return connection;
    }

    public static async Task<int> RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteNonQueryAsync(Ct);
    }

    public static async Task<T?> FirstAsync<T>(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct) is T found ? found : default;
    }

    public static async Task<List<T>> AllAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> map)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(Ct);
        List<T> rows = [];
        while (await reader.ReadAsync(Ct)) rows.Add(map(reader));
        return rows;
    }

    public static Task<List<string>> TextsAsync(NpgsqlConnection connection, string sql) => AllAsync(connection, sql, static row => row.IsDBNull(0) ? "null" : row.GetValue(0).ToString()!);
}
