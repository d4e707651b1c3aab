using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Tests.Tenancy;

public sealed class PlacementTests
{
    private static readonly PlacementOptions Cluster = PlacementOptions.Cluster(["eu1", "us1"]);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_store_places_a_tenant_that_asks_for_nothing_in_its_own_way()
    {
        await using var embedded = await Installation.StartAsync();
        var tenant = (await embedded.CreateTenantAsync()).Tenant;
        Assert.Equal((Placement.File, "main"), (tenant.Placement, tenant.Server));

        await using var cluster = await StartAsync();
        tenant = (await cluster.CreateTenantAsync()).Tenant;
        Assert.Equal(Placement.Shared, tenant.Placement);
        Assert.Contains(tenant.Server, Cluster.Servers.Select(static server => server.Name));
    }

    [Fact]
    public async Task The_operator_wins_over_the_plan_and_the_plan_over_the_installation()
    {
        await using var cluster = await StartAsync();
        await PutAsync(cluster, "pro", Placement.Schema);

        Assert.Equal(Placement.Schema, (await CreateAsync(cluster, new("a", "pro"))).Value.Tenant.Placement);
        Assert.Equal(Placement.Database, (await CreateAsync(cluster, new("b", "pro", "database"))).Value.Tenant.Placement);
        Assert.Equal(Placement.Shared, (await CreateAsync(cluster, new("c", "free"))).Value.Tenant.Placement);
        Assert.Equal("us1", (await CreateAsync(cluster, new("d", Server: "us1"))).Value.Tenant.Server);
    }

    [Fact]
    public async Task Tenants_are_spread_over_the_servers()
    {
        await using var cluster = await StartAsync();
        var servers = new HashSet<string>();
        for (var i = 0; i < 60; i++) servers.Add((await cluster.CreateTenantAsync()).Tenant.Server);

        // One of three servers stays without any of 60 tenants once in 10^10 times.
        Assert.Equal(["eu1", "main", "us1"], servers.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Sign_up_places_a_tenant_as_the_lowest_plan_says()
    {
        await using var cluster = await StartAsync();
        await PutAsync(cluster, "free", Placement.Schema);
        Assert.Equal(Placement.Schema, (await cluster.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value.Tenant.Placement);
    }

    [Theory]
    [InlineData("file", null, "placement", "a file lives on one node, and the other nodes could not serve its tenant. Possible here: shared, schema, database. Leave placement out for 'shared'.")]
    [InlineData("schem", null, "placement", "Did you mean 'schema'?")]
    [InlineData("", null, "placement", "Known are: shared, schema, database.")]
    [InlineData(null, "eu2", "server", "There is no server of that name here. Known are: eu1, main, us1.")]
    [InlineData("schema", "", "server", "Known are: eu1, main, us1.")]
    public async Task A_cluster_refuses_what_it_does_not_have(string? placement, string? server, string field, string says)
    {
        await using var cluster = await StartAsync();
        await RefusedAsync(cluster, new("x", Placement: placement, Server: server), field, says);
    }

    [Theory]
    [InlineData("shared", null, "placement", "The placement 'shared' needs PostgreSQL, and this installation keeps its data in SQLite files. Possible here: file. Leave placement out, or start Insula with --database.")]
    [InlineData("schema", null, "placement", "needs PostgreSQL")]
    [InlineData("database", "main", "placement", "needs PostgreSQL")]
    [InlineData("file", "eu1", "server", "Known are: main.")]
    public async Task The_embedded_store_refuses_what_it_does_not_have(string? placement, string? server, string field, string says)
    {
        await using var embedded = await Installation.StartAsync();
        await RefusedAsync(embedded, new("x", Placement: placement, Server: server), field, says);
    }

    [Fact]
    public async Task A_plan_that_places_where_this_installation_cannot_is_refused_when_put_and_named_when_it_was_kept()
    {
        await using var embedded = await Installation.StartAsync();
        var free = embedded.Get<PlanCatalog>().Find("free")! with { Placement = Placement.Schema };
        var put = (await embedded.Get<PutPlan>().RunAsync(embedded.Operator, free, Ct)).Fault;
        Assert.Equal(("placement", true), (put?.Field, put?.Message.Contains("needs PostgreSQL", StringComparison.Ordinal)));
        Assert.Null(embedded.Get<PlanCatalog>().Find("free")!.Placement);

        // As a store that once served a cluster would hold it.
        embedded.Get<PlanCatalog>().Put([free]);
        var created = (await CreateAsync(embedded, new("x"))).Fault;
        Assert.Equal(("placement_unavailable", FaultKind.Conflict, "plan"), (created?.Code, created?.Kind, created?.Field));
        Assert.Contains("The plan 'free' asks for the placement 'schema'", created?.Message, StringComparison.Ordinal);
        var signedUp = (await embedded.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Fault;
        Assert.Equal(("placement_unavailable", null), (signedUp?.Code, signedUp?.Field));
        Assert.Equal(Placement.File, (await CreateAsync(embedded, new("x", Placement: "file"))).Value.Tenant.Placement);
    }

    [Fact]
    public async Task A_plan_file_that_places_where_this_installation_cannot_stops_the_start()
    {
        var folder = Directory.CreateTempSubdirectory("insula-tenancy-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "plans.yaml"), "plans:\n  pro:\n    placement: database\n", Ct);
        await using (var embedded = await Installation.OpenAsync(folder))
        {
            var fault = (await embedded.Get<StartTenancy>().RunAsync(Ct)).Fault;
            Assert.Contains("line 3: The placement 'database' needs PostgreSQL", fault?.Message, StringComparison.Ordinal);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task The_trail_says_where_a_new_tenant_was_placed()
    {
        await using var cluster = await StartAsync();
        var made = (await CreateAsync(cluster, new("x", "pro", "database", Server: "eu1"))).Value.Tenant;
        var own = (await cluster.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value.Tenant;

        Assert.Equal("plan pro, placement database, server eu1", (await TrailAsync(made.Id)).Detail);
        Assert.Equal($"plan free, placement shared, server {own.Server}", (await TrailAsync(own.Id)).Detail);

        async Task<AuditRecord> TrailAsync(Id<Tenant> id) => Assert.Single((await cluster.Get<IAuditLog>().ListAsync(id, new PageRequest(10, null), Ct)).Items);
    }

    [Fact]
    public async Task An_update_moves_no_data()
    {
        await using var cluster = await StartAsync();
        await PutAsync(cluster, "pro", Placement.Schema);
        var tenant = (await CreateAsync(cluster, new("x", Server: "eu1"))).Value.Tenant;
        var update = cluster.Get<UpdateTenant>();

        var placement = (await update.RunAsync(cluster.Operator, tenant.Id, new(Placement: "schema"), Ct)).Fault;
        Assert.Equal("placement", placement?.Field);
        Assert.Contains("the tenant's data are in 'shared' and would have to be moved", placement?.Message, StringComparison.Ordinal);
        var server = (await update.RunAsync(cluster.Operator, tenant.Id, new("renamed", Server: "us1"), Ct)).Fault;
        Assert.Equal("server", server?.Field);
        Assert.Contains("on 'eu1'", server?.Message, StringComparison.Ordinal);

        // What it is already may be said again, and another plan's placement is for the tenants made on it.
        var updated = (await update.RunAsync(cluster.Operator, tenant.Id, new(Plan: "pro", Placement: "shared", Server: "eu1"), Ct)).Value;
        Assert.Equal(("x", "pro", Placement.Shared, "eu1"), (updated.Name, updated.Plan, updated.Placement, updated.Server));
    }

    [Fact]
    public async Task List_filters_by_placement_and_server()
    {
        await using var cluster = await StartAsync();
        var a = (await CreateAsync(cluster, new("a", Placement: "schema", Server: "eu1"))).Value.Tenant;
        var b = (await CreateAsync(cluster, new("b", Placement: "schema", Server: "us1"))).Value.Tenant;
        var c = (await CreateAsync(cluster, new("c", Placement: "shared", Server: "us1"))).Value.Tenant;

        Assert.Equal([a.Id, b.Id], await ListAsync(new(Placement: Placement.Schema)));
        Assert.Equal([b.Id, c.Id], await ListAsync(new(Server: "us1")));
        Assert.Equal([b.Id], await ListAsync(new(Placement: Placement.Schema, Server: "us1")));

        async Task<HashSet<Id<Tenant>>> ListAsync(TenantFilter filter) =>
            [.. (await cluster.Get<ListTenants>().RunAsync(cluster.Operator, filter, new PageRequest(10, null), Ct)).Items.Select(static tenant => tenant.Id)];
    }

    [Fact]
    public async Task A_tenant_is_written_down_only_after_there_is_a_place_for_its_data()
    {
        var storage = new WatchedStorage();
        await using var cluster = await StartAsync(storage);
        storage.Directory = cluster.Get<ITenantDirectory>();

        var created = (await CreateAsync(cluster, new("x", Placement: "schema"))).Value.Tenant;
        var signedUp = (await cluster.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value.Tenant;
        Assert.Equal([(created, false), (signedUp, false)], storage.Prepared);

        storage.Away = true;
        await Assert.ThrowsAsync<FaultException>(() => CreateAsync(cluster, new("y")));
        await Assert.ThrowsAsync<FaultException>(() => cluster.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct));
        Assert.Equal(2, (await cluster.Get<ListTenants>().RunAsync(cluster.Operator, new(), new PageRequest(10, null), Ct)).Items.Count);
    }

    [Fact]
    public void What_an_installation_offers_must_hold_together()
    {
        var embedded = PlacementOptions.Embedded;
        Assert.Throws<ArgumentException>(() => new PlacementChoice(embedded with { Default = Placement.Shared }));
        Assert.Throws<ArgumentException>(() => new PlacementChoice(PlacementOptions.Cluster(["main"])));
        Assert.Throws<ArgumentException>(() => new PlacementChoice(embedded with { Servers = [] }));
        Assert.Throws<ArgumentException>(() => new PlacementChoice(embedded with { Servers = [new("main", 0)] }));
        Assert.Throws<ArgumentException>(() => new PlacementChoice(embedded with { Servers = [new("main"), new("eu1", -1)] }));
    }

    [Fact]
    public async Task A_server_without_weight_gets_only_the_tenants_that_are_sent_there()
    {
        var options = Cluster with { Servers = [new("main"), new("full", 0)] };
        await using var cluster = await StartAsync(options: options);
        for (var i = 0; i < 20; i++) Assert.Equal("main", (await cluster.CreateTenantAsync()).Tenant.Server);
        Assert.Equal("full", (await CreateAsync(cluster, new("x", Server: "full"))).Value.Tenant.Server);
    }

    /// <summary>An installation that offers what a cluster does. Its rows are in a SQLite file all the same: only decisions are looked at here.</summary>
    private static Task<Installation> StartAsync(ITenantStorage? storage = null, PlacementOptions? options = null) => Installation.StartAsync(services: services =>
    {
        services.AddSingleton(new PlacementChoice(options ?? Cluster));
        if (storage is not null) services.AddSingleton(storage);
    });

    private static Task<Result<CreatedTenant>> CreateAsync(Installation installation, TenantRequest request) =>
        installation.Get<CreateTenant>().RunAsync(installation.Operator, request, Ct);

    private static async Task PutAsync(Installation installation, string plan, Placement placement)
    {
        var changed = installation.Get<PlanCatalog>().Find(plan)! with { Placement = placement };
        Assert.Null((await installation.Get<PutPlan>().RunAsync(installation.Operator, changed, Ct)).Fault);
    }

    private static async Task RefusedAsync(Installation installation, TenantRequest request, string field, string says)
    {
        var fault = (await CreateAsync(installation, request)).Fault;
        Assert.Equal((field, FaultKind.Invalid), (fault?.Field, fault?.Kind));
        Assert.Contains(says, fault?.Message, StringComparison.Ordinal);
        Assert.Empty((await installation.Get<ListTenants>().RunAsync(installation.Operator, new(), new PageRequest(1, null), Ct)).Items);
    }

    /// <summary>Notes whether the tenant's row was there already when its place was made; away, it fails as a database that is down.</summary>
    private sealed class WatchedStorage : ITenantStorage
    {
        public ITenantDirectory? Directory { get; set; }

        public bool Away { get; set; }

        public List<(Tenant Tenant, bool HadRow)> Prepared { get; } = [];

        public async Task PrepareAsync(Tenant tenant, CancellationToken ct)
        {
            if (Away) throw new FaultException(Fault.Unavailable("store_away", "The database cannot be reached now. Try again."));
            Prepared.Add((tenant, await Directory!.FindAsync(tenant.Id, ct) is not null));
        }
    }
}
