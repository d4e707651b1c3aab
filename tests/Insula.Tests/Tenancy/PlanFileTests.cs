using System.Collections.Frozen;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tests.Tenancy;

public sealed class PlanFileTests
{
    private static readonly FrozenDictionary<string, Plan> BuiltIn = new PlanCatalog().All.ToFrozenDictionary(static plan => plan.Name);

    private static readonly PlacementChoice Embedded = new(PlacementOptions.Embedded);
    private static readonly PlacementChoice Cluster = new(PlacementOptions.Cluster([]));

    [Fact]
    public void The_built_in_plans_are_the_agreed_ones()
    {
        Assert.Equal(["enterprise", "free", "pro"], new PlanCatalog().All.Select(static plan => plan.Name));
        Assert.Equal(new Limits(10, 100, 10, 20, 1, 10_000, 1_000_000_000, 5, 300, Sessions: 10_000, Agents: 100, Keys: 100, Members: 10), BuiltIn["free"].Limits);
        Assert.Equal(new Limits(100, 1_000, 60, 120, 10, 100_000, 10_000_000_000, 50, 60, 4, Sessions: 100_000, Agents: 1_000, Keys: 1_000, Members: 100), BuiltIn["pro"].Limits);
        Assert.Equal(new Limits(1_000, 10_000, 600, 1_200, 100, 10_000_000, 1_000_000_000_000, 1_000, 60, 16, Sessions: 10_000_000, Agents: 10_000, Keys: 10_000, Members: 10_000), BuiltIn["enterprise"].Limits);
    }

    [Fact]
    public void A_file_changes_what_it_names_and_keeps_the_rest()
    {
        var plan = Assert.Single(Read("plans: { free: { limits: { learn_per_minute: 3 } } }").Value);
        Assert.Equal(BuiltIn["free"].Limits with { LearnPerMinute = 3 }, plan.Limits);
        Assert.Equal(BuiltIn["free"].Description, plan.Description);
    }

    [Fact]
    public void Reads_follow_requests_at_ten_to_one_unless_given()
    {
        Assert.Equal(500, Assert.Single(Read("plans: { free: { limits: { requests_per_minute: 50 } } }").Value).Limits.ReadsPerMinute);
        Assert.Equal(7, Assert.Single(Read("plans: { free: { limits: { requests_per_minute: 50, reads_per_minute: 7 } } }").Value).Limits.ReadsPerMinute);
    }

    [Fact]
    public void A_file_adds_a_plan_that_gives_every_limit()
    {
        var plan = Assert.Single(Read("""
            plans:
              school:
                description: For a class.
                limits: { requests_per_minute: 30, learn_per_minute: 5, reason_per_minute: 60, concurrent_runs: 2, concepts: 20_000, storage_bytes: 2_000_000_000 }
                features: [agents]
            """).Value);
        Assert.Equal(new Limits(30, 300, 5, 60, 2, 20_000, 2_000_000_000), plan.Limits);
        Assert.Equal(["agents"], plan.Features);
    }

    [Theory]
    [InlineData("plan: {}", "unknown key 'plan'. Did you mean 'plans'?")]
    [InlineData("plans:\n  free:\n    limits:\n      request_per_minute: 5", "line 4: unknown key 'request_per_minute'. Did you mean 'requests_per_minute'?")]
    [InlineData("plans:\n  free:\n    feature: []", "line 3: unknown key 'feature'. Did you mean 'features'?")]
    [InlineData("plans:\n  free:\n    colour: red", "unknown key 'colour'. Known are: description, limits, features, placement.")]
    [InlineData("plans: { free: { limits: { concepts: many } } }", "concepts must be a whole number.")]
    [InlineData("plans: { free: { limits: { concepts: 0 } } }", "limits.concepts is 0; it must be from 1 to 1000000000000.")]
    [InlineData("plans: { free: { limits: { learn_per_minute: -3 } } }", "limits.learn_per_minute is -3; it must be from 1 to 10000000.")]
    [InlineData("plans: { free: { limits: { concepts: 99999999999999999999 } } }", "concepts must be a whole number.")]
    [InlineData("plans: { school: { limits: { requests_per_minute: 5 } } }", "the plan 'school' is new, so it must give limits.learn_per_minute.")]
    [InlineData("plans: { Free Plan: {} }", "the plan 'Free Plan' is new")]
    [InlineData("plans: { free: { features: all } }", "features must be a list.")]
    [InlineData("plans: { free: { features: [Not A Name] } }", "Each of features must be 1 to 40 characters")]
    [InlineData("plans:\n  free:\n    features: []\n    placement: flie", "line 4: There is no placement of that name. Did you mean 'file'?")]
    [InlineData("plans:\n  free:\n    placement:\n      schema", "line 4: The placement 'schema' needs PostgreSQL")]
    [InlineData("plans: { free: { placement: [file] } }", "placement must be text.")]
    [InlineData("plans: [free]", "plans must be a mapping of names to values.")]
    [InlineData("plans: { free: {}, free: {} }", "line 1")]
    [InlineData("plans: { free: ", "line 2")]
    [InlineData("a: &a [*a]", "unknown key 'a'")]
    public void A_file_with_a_mistake_is_refused_whole_and_names_it(string yaml, string expected)
    {
        var fault = Read(yaml).Fault;
        Assert.NotNull(fault);
        Assert.Equal("plans_unusable", fault.Code);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_says_where_the_data_of_its_tenants_go_and_keeps_it_when_the_next_file_is_silent()
    {
        var plan = Assert.Single(Read("plans: { pro: { placement: schema } }", Cluster).Value);
        Assert.Equal(Placement.Schema, plan.Placement);
        Assert.Equal(BuiltIn["pro"].Limits, plan.Limits);

        var again = PlanFile.Read("plans.yaml", new StringReader("plans: { pro: { description: Other } }"), new Dictionary<string, Plan> { ["pro"] = plan }, Cluster.Take);
        Assert.Equal(("Other", Placement.Schema), (Assert.Single(again.Value).Description, again.Value[0].Placement));
        Assert.Contains("line 1: The placement 'file' cannot be had in a cluster", Read("plans: { pro: { placement: file } }", Cluster).Fault?.Message, StringComparison.Ordinal);
        Assert.All(BuiltIn.Values, static builtIn => Assert.Null(builtIn.Placement));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    [InlineData("plans: {}")]
    public void An_empty_file_changes_nothing(string yaml) => Assert.Empty(Read(yaml).Value);

    [Fact]
    public void A_missing_file_that_was_asked_for_is_a_fault() =>
        Assert.Contains("/nowhere/plans.yaml", new PlanCatalog().ReadFile("/nowhere/plans.yaml", Embedded).Fault?.Message, StringComparison.Ordinal);

    [Fact]
    public void Overrides_replace_single_limits_and_an_unknown_plan_counts_as_the_lowest()
    {
        var catalog = new PlanCatalog();
        Assert.Equal(BuiltIn["pro"].Limits with { Concepts = 5 }, catalog.LimitsOf(Tenant("pro", new LimitOverrides { Concepts = 5 }), DateTimeOffset.UnixEpoch));
        Assert.Equal(BuiltIn["free"].Limits, catalog.LimitsOf(Tenant("gone", LimitOverrides.None), DateTimeOffset.UnixEpoch));
    }

    private static Tenant Tenant(string plan, LimitOverrides overrides) => new(
        Id<Tenant>.New(), "Acme", null, plan, Placement.File, "main", TenantStatus.Active, overrides, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch, null, null);

    private static Result<IReadOnlyList<Plan>> Read(string yaml, PlacementChoice? placements = null) => PlanFile.Read("plans.yaml", new StringReader(yaml), BuiltIn, (placements ?? Embedded).Take);
}
