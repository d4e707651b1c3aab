namespace Insula.Storage.Statements;

/// <summary>
/// One statement for a take, so that two nodes never see the same arrival time. An arrival time that lies further ahead than
/// slots may end is from before the clock was set back, or from a higher limit: it counts as an empty bucket.
/// </summary>
internal static class RateGrantSql
{
    private const string NowSqlite = "@now";

    private const string NowPostgres = RunQueueSql.NowPostgres;

    public const string TakeSqlite =
        $"{Take} values (@tenant_id, @caller, @class, {NowSqlite} + {First}, {First}) {Again} set arrival = {BaseSqlite} + {GrantSqlite}, granted = {GrantSqlite} returning arrival, granted, {NowSqlite}";

    public const string TakePostgres =
        $"{Take} values (@tenant_id, @caller, @class, {NowPostgres} + {First}, {First}) {Again} set arrival = {BasePostgres} + {GrantPostgres}, granted = {GrantPostgres} returning arrival, granted, {NowPostgres}";

    public const string ListSqlite = $"select caller, class, arrival - {NowSqlite} from rate_grants where tenant_id = @tenant_id and arrival > {NowSqlite}";

    public const string ListPostgres = $"select caller, class, arrival - {NowPostgres} from rate_grants where tenant_id = @tenant_id and arrival > {NowPostgres}";

    private const string Take = "insert into rate_grants (tenant_id, caller, class, arrival, granted)";

    private const string Again = "on conflict (tenant_id, caller, class) do update";

    private const string Wanted = "cast(@wanted as bigint)";

    private const string Tolerance = "cast(@tolerance as bigint)";

    private const string Spacing = "cast(@spacing as bigint)";

    private const string Least = "cast(@least as bigint)";

    private const string First = $"(case when {Wanted} <= {Tolerance} then {Wanted} when {Least} <= {Tolerance} then {Tolerance} / {Spacing} * {Spacing} else 0 end)";

    private const string BaseSqlite = $"max(min(rate_grants.arrival, {NowSqlite} + {Tolerance}), {NowSqlite})";

    private const string BasePostgres = $"greatest(least(rate_grants.arrival, {NowPostgres} + {Tolerance}), {NowPostgres})";

    private const string RoomSqlite = $"({NowSqlite} + {Tolerance} - {BaseSqlite})";

    private const string RoomPostgres = $"({NowPostgres} + {Tolerance} - {BasePostgres})";

    private const string GrantSqlite = $"(case when {RoomSqlite} >= {Wanted} then {Wanted} when {RoomSqlite} >= {Least} then {RoomSqlite} / {Spacing} * {Spacing} else 0 end)";

    private const string GrantPostgres = $"(case when {RoomPostgres} >= {Wanted} then {Wanted} when {RoomPostgres} >= {Least} then {RoomPostgres} / {Spacing} * {Spacing} else 0 end)";
}
