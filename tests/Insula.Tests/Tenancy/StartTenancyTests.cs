using System.Runtime.Versioning;
using Insula.Tenancy.Access;
using Insula.Tenancy.Plans;

namespace Insula.Tests.Tenancy;

public sealed class StartTenancyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("insula-tenancy-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string PepperPath => Path.Combine(_folder, "keys", "pepper");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task First_start_makes_an_operator_key_once_and_it_stays_in_force()
    {
        Secret? made;
        await using (var first = await Installation.OpenAsync(_folder, static options => options with { OperatorKey = null }))
        {
            var started = (await first.Get<StartTenancy>().RunAsync(Ct)).Value;
            Assert.False(started.HasTenants);
            made = started.MadeOperatorKey;
            Assert.NotNull(made);
            Assert.StartsWith("sk_platform_", made.Reveal(), StringComparison.Ordinal);
            Assert.IsType<SignedInOperator>((await first.SignInAsync(made)).Value);
            await first.CreateTenantAsync();
        }

        await using var second = await Installation.OpenAsync(_folder, static options => options with { OperatorKey = null });
        var again = (await second.Get<StartTenancy>().RunAsync(Ct)).Value;
        Assert.Null(again.MadeOperatorKey);
        Assert.True(again.HasTenants);
        Assert.IsType<SignedInOperator>((await second.SignInAsync(made)).Value);
    }

    [Fact]
    public async Task Operator_key_of_the_settings_stands_alone_and_is_not_stored()
    {
        Secret? made;
        await using (var first = await Installation.OpenAsync(_folder, static options => options with { OperatorKey = null }))
        {
            made = (await first.Get<StartTenancy>().RunAsync(Ct)).Value.MadeOperatorKey!;
        }

        await using var second = await Installation.StartAsync(_folder);
        Assert.IsType<SignedInOperator>((await second.SignInAsync(new Secret(Installation.GivenOperatorKey))).Value);
        Assert.Equal(Authenticate.InvalidKey, (await second.SignInAsync(made)).Fault);
        Assert.Single(await second.Get<IOperatorKeyStore>().AllAsync(Ct));
    }

    [Theory]
    [InlineData(23)]
    [InlineData(513)]
    public async Task Operator_key_that_is_too_short_or_too_long_stops_the_start(int length)
    {
        await using var installation = await Installation.OpenAsync(_folder, options => options with { OperatorKey = new Secret(new string('k', length)) });
        Assert.Equal("operator_key", (await installation.Get<StartTenancy>().RunAsync(Ct)).Fault?.Field);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public async Task Pepper_is_for_its_owner_only()
    {
        await using var installation = await Installation.StartAsync(_folder);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PepperPath));
        Assert.Equal(["pepper"], Directory.GetFiles(Path.GetDirectoryName(PepperPath)!).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Lost_pepper_stops_the_start_instead_of_ending_every_key()
    {
        await using (var first = await Installation.StartAsync(_folder)) await first.CreateTenantAsync();
        File.Delete(PepperPath);

        await using var second = await Installation.OpenAsync(_folder);
        Assert.Equal("pepper_missing", (await second.Get<StartTenancy>().RunAsync(Ct)).Fault?.Code);
        Assert.False(File.Exists(PepperPath));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1 short")]
    [InlineData("one AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public async Task Damaged_pepper_stops_the_start_and_is_left_as_it_is(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PepperPath)!);
        await File.WriteAllTextAsync(PepperPath, content, Ct);
        await using var installation = await Installation.OpenAsync(_folder);
        Assert.Equal("pepper_damaged", (await installation.Get<StartTenancy>().RunAsync(Ct)).Fault?.Code);
        Assert.Equal(content, await File.ReadAllTextAsync(PepperPath, Ct));
    }

    [Fact]
    public async Task Keys_under_an_older_pepper_stay_in_force_and_new_keys_take_the_newest()
    {
        CreatedApiKey old;
        await using (var first = await Installation.StartAsync(_folder)) old = (await first.CreateTenantAsync()).OwnerKey;
        await File.AppendAllTextAsync(PepperPath, $"2 {Convert.ToBase64String(new byte[32])}\n", Ct);

        await using var second = await Installation.StartAsync(_folder);
        var scope = await second.ScopeOfAsync(old);
        Assert.Equal((1, 2), (old.Key.PepperVersion, (await second.CreateKeyAsync(scope, "read")).Key.PepperVersion));
    }

    [Fact]
    public async Task Plans_come_from_the_data_folder_and_over_them_from_the_api()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "plans.yaml"), "plans: { free: { limits: { concepts: 5, learn_per_minute: 6 } } }", Ct);
        await using (var first = await Installation.StartAsync(_folder))
        {
            var free = first.Get<PlanCatalog>().Find("free")!;
            Assert.Equal((5, 6), (free.Limits.Concepts, free.Limits.LearnPerMinute));
            await first.Get<PutPlan>().RunAsync(first.Operator, free with { Limits = free.Limits with { LearnPerMinute = 7 } }, Ct);
        }

        await using var second = await Installation.StartAsync(_folder);
        Assert.Equal((5, 7), (second.Get<PlanCatalog>().Find("free")!.Limits.Concepts, second.Get<PlanCatalog>().Find("free")!.Limits.LearnPerMinute));
    }

    [Fact]
    public async Task Plan_file_with_a_mistake_stops_the_start()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "plans.yaml"), "plans: { free: { limits: { concept: 5 } } }", Ct);
        await using var installation = await Installation.OpenAsync(_folder);
        Assert.Contains("Did you mean 'concepts'?", (await installation.Get<StartTenancy>().RunAsync(Ct)).Fault?.Message, StringComparison.Ordinal);
    }
}
