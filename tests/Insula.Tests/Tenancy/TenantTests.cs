using System.Diagnostics;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tests.Tenancy;

public sealed class TenantTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Creating_a_tenant_takes_under_100_ms()
    {
        await using var installation = await Installation.StartAsync();
        await using var file = File.Create(Path.Combine(installation.Folder, "beside"));
        await installation.CreateTenantAsync();
        var (taken, flushes) = (new List<TimeSpan>(), new List<TimeSpan>());
        for (var i = 0; i < 20; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await installation.CreateTenantAsync();
            taken.Add(Stopwatch.GetElapsedTime(start));

            start = Stopwatch.GetTimestamp();
            file.WriteByte(1);
            file.Flush(flushToDisk: true);
            flushes.Add(Stopwatch.GetElapsedTime(start));
        }

        // Above what this disk takes for the one flush that it waits for, and the fastest of both: what a shared machine
        // does beside the test says nothing about the work.
        Assert.InRange(taken.Min() - flushes.Min(), TimeSpan.MinValue, TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task Tenant_reads_back_as_it_was_made()
    {
        await using var installation = await Installation.StartAsync();
        var request = new TenantRequest("  株式会社 👍 ", "pro", "file", new LimitOverrides { Concepts = 7, LearnPerMinute = 3 });
        var created = (await installation.Get<CreateTenant>().RunAsync(installation.Operator, request, Ct)).Value;

        var standing = (await installation.Get<ShowTenant>().RunAsync(installation.Operator, created.Tenant.Id, Ct)).Value;
        Assert.Equal(created.Tenant, standing.Tenant);
        Assert.Equal(("株式会社 👍", "pro"), (standing.Tenant.Name, standing.Tenant.Plan));
        Assert.Equal(new Limits(100, 1_000, 3, 120, 10, 7, 10_000_000_000, 50, 60, 4, Sessions: 100_000, Agents: 1_000, Keys: 1_000, Members: 100), standing.Limits);
    }

    [Fact]
    public async Task Bad_fields_are_named()
    {
        await using var installation = await Installation.StartAsync();
        (TenantRequest Request, string Field, string Says)[] cases =
        [
            (new(null), "name", "empty"),
            (new("a\nb"), "name", "control"),
            (new(new string('x', 201)), "name", "200"),
            (new("x", "prro"), "plan", "Did you mean 'pro'?"),
            (new("x", Placement: "schema"), "placement", "needs PostgreSQL"),
            (new("x", Placement: "flie"), "placement", "Did you mean 'file'?"),
            (new("x", Limits: new() { ConcurrentRuns = 0 }), "limits.concurrent_runs", "from 1 to 100000"),
            (new("x", Limits: new() { StorageBytes = -1 }), "limits.storage_bytes", "from 1 to"),
            (new("x", Limits: new() { RequestsPerMinute = int.MaxValue }), "limits.requests_per_minute", "10000000"),
        ];
        foreach (var (request, field, says) in cases)
        {
            var fault = (await installation.Get<CreateTenant>().RunAsync(installation.Operator, request, Ct)).Fault;
            Assert.Equal(field, fault?.Field);
            Assert.Contains(says, fault?.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Sign_up_makes_a_tenant_on_the_lowest_plan_with_an_owner_key()
    {
        await using var installation = await Installation.StartAsync();
        var created = (await installation.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value;
        Assert.Equal(("free", "ann@acme.example"), (created.Tenant.Plan, created.Tenant.Email));
        Assert.Equal(Permissions.All, (await installation.ScopeOfAsync(created.OwnerKey)).Permissions);
    }

    [Fact]
    public async Task Sign_up_with_a_known_address_is_answered_like_any_other()
    {
        await using var installation = await Installation.StartAsync();
        var first = (await installation.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value;
        var second = (await installation.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Value;
        Assert.NotEqual(first.Tenant.Id, second.Tenant.Id);
    }

    [Fact]
    public async Task Sign_up_is_refused_while_it_is_closed()
    {
        await using var installation = await Installation.StartAsync(configure: static options => options with { SignupOpen = false });
        Assert.Equal("signup_closed", (await installation.Get<SignUp>().RunAsync("Acme", "ann@acme.example", Ct)).Fault?.Code);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("ann")]
    [InlineData("@acme.example")]
    [InlineData("ann@")]
    [InlineData("ann smith@acme.example")]
    [InlineData("ann\r\nBcc: x@acme.example")]
    public async Task Sign_up_refuses_what_cannot_be_an_address(string? email)
    {
        await using var installation = await Installation.StartAsync();
        Assert.Equal("email", (await installation.Get<SignUp>().RunAsync("Acme", email, Ct)).Fault?.Field);
    }

    [Fact]
    public async Task Update_changes_what_it_names_and_is_in_force_at_once()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, key) = await installation.CreateTenantAsync();
        await installation.SignInAsync(key.Secret);
        var update = installation.Get<UpdateTenant>();

        var moved = (await update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Plan: "pro"), Ct)).Value;
        Assert.Equal((tenant.Name, "pro"), (moved.Name, moved.Plan));
        Assert.Equal(100, await RequestsPerMinuteAsync());
        await update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Limits: new() { RequestsPerMinute = 5 }), Ct);
        Assert.Equal(5, await RequestsPerMinuteAsync());
        await update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Limits: new()), Ct);
        Assert.Equal(100, await RequestsPerMinuteAsync());
        Assert.Equal(FaultKind.NotFound, (await update.RunAsync(installation.Operator, Id<Tenant>.New(), new TenantChange("x"), Ct)).Fault?.Kind);

        async Task<int> RequestsPerMinuteAsync() => ((SignedInTenant)(await installation.SignInAsync(key.Secret)).Value).Limits.RequestsPerMinute;
    }

    [Fact]
    public async Task Changed_plan_is_in_force_for_its_tenants_at_once()
    {
        await using var installation = await Installation.StartAsync();
        var (_, key) = await installation.CreateTenantAsync();
        await installation.SignInAsync(key.Secret);
        var free = installation.Get<PlanCatalog>().Find("free")!;

        await installation.Get<PutPlan>().RunAsync(installation.Operator, free with { Limits = free.Limits with { RequestsPerMinute = 33 } }, Ct);
        Assert.Equal(33, ((SignedInTenant)(await installation.SignInAsync(key.Secret)).Value).Limits.RequestsPerMinute);
        Assert.Equal("limits.concepts", (await installation.Get<PutPlan>().RunAsync(installation.Operator, free with { Limits = free.Limits with { Concepts = 0 } }, Ct)).Fault?.Field);
        Assert.Equal("name", (await installation.Get<PutPlan>().RunAsync(installation.Operator, free with { Name = "../free" }, Ct)).Fault?.Field);
    }

    [Fact]
    public async Task Changes_made_at_the_same_time_all_take_effect()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, _) = await installation.CreateTenantAsync();
        var update = installation.Get<UpdateTenant>();
        Task<Result<Tenant>>[] changes =
        [
            update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Name: "Renamed"), Ct),
            update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Plan: "pro"), Ct),
            update.RunAsync(installation.Operator, tenant.Id, new TenantChange(Limits: new() { Concepts = 9 }), Ct),
            installation.Get<SuspendTenant>().RunAsync(installation.Operator, tenant.Id, "why", Ct),
        ];

        Assert.All(await Task.WhenAll(changes), static result => Assert.Null(result.Fault));
        var now = (await installation.Get<ShowTenant>().RunAsync(installation.Operator, tenant.Id, Ct)).Value.Tenant;
        Assert.Equal(("Renamed", "pro", 9L, TenantStatus.Suspended), (now.Name, now.Plan, now.Overrides.Concepts, now.Status));
    }

    [Fact]
    public async Task Suspending_twice_keeps_the_first_reason_and_writes_one_record()
    {
        await using var installation = await Installation.StartAsync();
        var (tenant, _) = await installation.CreateTenantAsync();
        var suspend = installation.Get<SuspendTenant>();
        await suspend.RunAsync(installation.Operator, tenant.Id, "first", Ct);
        Assert.Equal("first", (await suspend.RunAsync(installation.Operator, tenant.Id, "second", Ct)).Value.SuspendedReason);
        await installation.Get<ResumeTenant>().RunAsync(installation.Operator, tenant.Id, Ct);
        await installation.Get<ResumeTenant>().RunAsync(installation.Operator, tenant.Id, Ct);

        var trail = (await installation.Get<IAuditLog>().ListAsync(tenant.Id, new PageRequest(10, null), Ct)).Items;
        Assert.Equal(["tenant.resume", "tenant.suspend", "tenant.create"], trail.Select(static record => record.Action));
        Assert.Equal("reason", (await suspend.RunAsync(installation.Operator, tenant.Id, new string('x', 501), Ct)).Fault?.Field);
    }

    [Fact]
    public async Task Tenant_sees_itself_and_another_looks_like_none()
    {
        await using var installation = await Installation.StartAsync();
        var other = await installation.CreateTenantAsync("Other");
        var (tenant, owner) = await installation.CreateTenantAsync();
        var scope = await installation.ScopeOfAsync(owner);
        var show = installation.Get<ShowTenant>();

        Assert.Equal(tenant, (await show.RunAsync(scope, tenant.Id, Ct)).Value.Tenant);
        Assert.Equal(Fault.NotFound("tenant"), (await show.RunAsync(scope, other.Tenant.Id, Ct)).Fault);
        Assert.Equal(Fault.NotFound("tenant"), (await show.RunAsync(scope, Id<Tenant>.New(), Ct)).Fault);
    }

    [Fact]
    public async Task List_filters_by_status_plan_and_name()
    {
        await using var installation = await Installation.StartAsync();
        var acme = (await installation.CreateTenantAsync("Acme", "pro")).Tenant;
        installation.Clock.Advance(TimeSpan.FromSeconds(1));
        var acorn = (await installation.CreateTenantAsync("acorn")).Tenant;
        await installation.CreateTenantAsync("Zeta");
        await installation.Get<SuspendTenant>().RunAsync(installation.Operator, acorn.Id, null, Ct);

        Assert.Equal([acorn.Id, acme.Id], await ListAsync(new(NamePrefix: "AC")));
        Assert.Equal([acme.Id], await ListAsync(new(Plan: "pro")));
        Assert.Equal([acorn.Id], await ListAsync(new(TenantStatus.Suspended)));

        async Task<IEnumerable<Id<Tenant>>> ListAsync(TenantFilter filter) =>
            (await installation.Get<ListTenants>().RunAsync(installation.Operator, filter, new PageRequest(10, null), Ct)).Items.Select(static tenant => tenant.Id);
    }
}
