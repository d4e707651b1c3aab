using Microsoft.AspNetCore.Routing;

namespace Insula.Server.Tests.Isolation;

/// <summary>
/// The cross-tenant matrix: every route of the running server, called as everyone who must not get in. It starts from the
/// server's own list of endpoints, so a new route cannot dodge it. It is run against every placement.
/// </summary>
public abstract class CrossTenantMatrixTests(TwoTenants world)
{
    public static TheoryData<string> Guarded => RouteTable.Where(static row => row.Who != Who.Everyone);

    public static TheoryData<string> MoreThanReading => RouteTable.Where(static row => row.Who is Who.WriteKey or Who.AdminKey or Who.Operator or Who.OperatorOrAdminKey);

    public static TheoryData<string> Readable => RouteTable.Where(static row => row.Who is Who.AnyKey or Who.ReadKey or Who.OperatorOrReadKey);

    public static TheoryData<string> Objects => RouteTable.Where(static row => row.NamesAnObject);

    /// <summary>Routes that answer from all that a tenant has: lists, and what searches.</summary>
    public static TheoryData<string> Lists => RouteTable.Where(static row => (row.Method == "GET" || row.Pattern.EndsWith("/query", StringComparison.Ordinal)) && !row.NamesAnObject && row.Who is not (Who.Everyone or Who.Operator));

    public static TheoryData<string> TenantsOnly => RouteTable.Where(static row => row.Who is Who.ReadKey or Who.WriteKey or Who.AdminKey);

    public static TheoryData<string> ForOperators => RouteTable.Where(static row => row.Who is Who.AnyKey or Who.Operator or Who.OperatorOrReadKey or Who.OperatorOrAdminKey);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_route_of_the_running_server_has_a_row_and_every_row_a_route()
    {
        var routes = world.Host.Endpoints.SelectMany(static endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods
            .Select(method => $"{method} {Pattern(endpoint)}"));
        var rows = RouteTable.Rows.Select(static row => $"{row.Method} {row.Pattern}");

        Assert.Equal(rows.Distinct().Order(StringComparer.Ordinal), routes.Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Guarded))]
    public async Task Nobody_is_asked_for_a_key(string route)
    {
        var answer = await TwoTenants.CallAsync(world.Nobody, RouteTable.Named(route), world.VictimIds, Ct);

        Assert.Equal(401, answer.Status);
        Assert.DoesNotContain(TwoTenants.Canary, answer.Body, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Guarded))]
    public async Task A_forged_key_and_a_revoked_key_get_one_and_the_same_refusal(string route)
    {
        var row = RouteTable.Named(route);

        var forged = await TwoTenants.CallAsync(world.Forged, row, world.VictimIds, Ct);
        var revoked = await TwoTenants.CallAsync(world.Revoked, row, world.VictimIds, Ct);

        Assert.Equal(401, forged.Status);
        Assert.Equal(forged, revoked);
    }

    [Theory, MemberData(nameof(Guarded))]
    public async Task A_suspended_tenant_is_told_so_on_every_route(string route)
    {
        var answer = await TwoTenants.CallAsync(world.Suspended, RouteTable.Named(route), world.VictimIds, Ct);

        Assert.Equal(403, answer.Status);
        Assert.Contains("suspended", answer.Body, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(MoreThanReading))]
    public async Task A_read_only_key_may_not_do_more_than_read(string route)
    {
        var answer = await TwoTenants.CallAsync(world.ReadOnly, RouteTable.Named(route), world.UnknownIds, Ct);

        Assert.Equal(403, answer.Status);
    }

    [Theory, MemberData(nameof(Readable))]
    public async Task A_read_only_key_may_read(string route)
    {
        var answer = await TwoTenants.CallAsync(world.ReadOnly, RouteTable.Named(route), world.UnknownIds, Ct);

        Assert.Contains(answer.Status, (int[])[200, 404]);
    }

    [Theory, MemberData(nameof(Objects))]
    public async Task Another_tenants_id_is_answered_like_one_that_never_was(string route)
    {
        var row = RouteTable.Named(route);
        foreach (var stranger in world.Strangers)
        {
            var foreign = await TwoTenants.CallAsync(stranger, row, world.VictimIds, Ct);
            var unknown = await TwoTenants.CallAsync(stranger, row, world.UnknownIds, Ct);

            Assert.Equal(row.Who == Who.Operator ? 403 : 404, foreign.Status);
            Assert.Equal(unknown, foreign);
        }
    }

    [Theory, MemberData(nameof(Lists))]
    public async Task A_list_holds_nothing_of_another_tenant(string route)
    {
        foreach (var stranger in world.Strangers)
        {
            var answer = await TwoTenants.CallAsync(stranger, RouteTable.Named(route), world.VictimIds, Ct);

            Assert.Equal(200, answer.Status);
            Assert.DoesNotContain(TwoTenants.Canary, answer.Body, StringComparison.Ordinal);
            Assert.All(world.VictimIds.Values, id => Assert.DoesNotContain(id, answer.Body, StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Objects))]
    public async Task The_ids_of_this_test_are_real(string route)
    {
        // Without this, a wrong id in the table would make every comparison above hold by accident.
        var row = RouteTable.Named(route);
        if (row.Method != "GET" || row.Who == Who.Operator) return;

        Assert.Equal(200, (await TwoTenants.CallAsync(world.Victim.Client, row, world.VictimIds, Ct)).Status);
    }

    [Theory, MemberData(nameof(TenantsOnly))]
    public async Task An_operator_cannot_act_inside_a_tenant(string route)
    {
        var answer = await TwoTenants.CallAsync(world.Host.Operator, RouteTable.Named(route), world.VictimIds, Ct);

        Assert.Equal(403, answer.Status);
        Assert.DoesNotContain(TwoTenants.Canary, answer.Body, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(ForOperators))]
    public async Task An_operator_may_call_what_is_the_operators(string route)
    {
        var answer = await TwoTenants.CallAsync(world.Host.Operator, RouteTable.Named(route), world.UnknownIds, Ct);

        Assert.DoesNotContain(answer.Status, (int[])[401, 403]);
    }

    [Fact]
    public async Task All_these_calls_together_change_nothing_of_the_victim()
    {
        var before = await world.VictimsViewAsync(Ct);
        var stored = await world.StoredOfVictimAsync(Ct);
        Assert.Contains(TwoTenants.Canary, before, StringComparison.Ordinal);
        Assert.InRange(stored.Count(static row => row.Contains(TwoTenants.Canary, StringComparison.Ordinal)), 6, int.MaxValue);

        foreach (var row in RouteTable.Rows.Where(static row => row.Method != "GET"))
        {
            foreach (var caller in (HttpClient[])[world.Nobody, world.Forged, world.Revoked, world.Suspended, world.ReadOnly, .. world.Strangers])
            {
                await TwoTenants.CallAsync(caller, row, world.VictimIds, Ct);
            }
        }

        Assert.Equal(stored, await world.StoredOfVictimAsync(Ct));
        Assert.Equal(before, await world.VictimsViewAsync(Ct));
    }

    private static string Pattern(RouteEndpoint endpoint) => endpoint.RoutePattern.RawText is { Length: > 1 } text ? "/" + text.Trim('/') : "/";
}

public sealed class CrossTenantMatrixInFilesTests(TenantsInFiles world) : CrossTenantMatrixTests(world), IClassFixture<TenantsInFiles>;

public sealed class CrossTenantMatrixInSharedTablesTests(TenantsInSharedTables world) : CrossTenantMatrixTests(world), IClassFixture<TenantsInSharedTables>;

public sealed class CrossTenantMatrixInSchemasTests(TenantsInSchemas world) : CrossTenantMatrixTests(world), IClassFixture<TenantsInSchemas>;

public sealed class CrossTenantMatrixInOwnDatabasesTests(TenantsInOwnDatabases world) : CrossTenantMatrixTests(world), IClassFixture<TenantsInOwnDatabases>;
