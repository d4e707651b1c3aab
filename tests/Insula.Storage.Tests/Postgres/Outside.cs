using System.Globalization;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres;

/// <summary>A superuser's look at a database from outside of the program, and a hand in it.</summary>
internal sealed class Outside : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly NpgsqlConnection _connection;

    private Outside(NpgsqlConnection connection) => _connection = connection;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="beside">Another database of the same server.</param>
    public static async Task<Outside> OpenAsync(TestDatabase database, string? beside = null)
    {
        var address = new NpgsqlConnectionStringBuilder(database.SuperuserConnectionString) { Pooling = false };
        if (beside is not null) address.Database = beside;
        var connection = new NpgsqlConnection(address.ConnectionString);
        await connection.OpenAsync(Ct);
        return new Outside(connection);
    }

    public async Task RunAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync(Ct);
    }

    /// <summary>The first value as text; empty for null.</summary>
    public async Task<string> TextAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return Convert.ToString(await command.ExecuteScalarAsync(Ct), CultureInfo.InvariantCulture) ?? "";
    }

    public async Task<List<string>> ColumnAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await using var reader = await command.ExecuteReaderAsync(Ct);
        List<string> rows = [];
        while (await reader.ReadAsync(Ct)) rows.Add(Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!);
        return rows;
    }

    /// <summary>Waits until the server itself says that it is so.</summary>
    public async Task UntilAsync(string question)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (await TextAsync($"select ({question})::text") != "true")
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Limit, $"It never came to this: {question}");
            await Task.Delay(Pause, TimeProvider.System, Ct);
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
