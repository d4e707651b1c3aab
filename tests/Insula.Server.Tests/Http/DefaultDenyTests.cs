using Insula.Server.Hosting;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Http;

public sealed class DefaultDenyTests
{
    [Fact]
    public void An_endpoint_that_says_nothing_about_its_callers_stops_the_start()
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Refuse(app => app.MapGet("/secrets", static () => "everything")));

        Assert.Contains("/secrets", refused.Message, StringComparison.Ordinal);
        Assert.Contains("RequireTenant", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endpoint_that_says_it_twice_stops_the_start() => Assert.Throws<InvalidOperationException>(
        () => Refuse(app => app.MapGet("/secrets", static () => "everything").RequireOperator().AllowAnonymousCaller()));

    [Fact]
    public void One_rule_for_each_endpoint_lets_it_start() => Refuse(app => app.MapGet("/mine", static () => "mine").RequireTenant(Permissions.Read, CallClass.Reads));

    [Fact]
    public async Task The_product_refuses_a_route_without_a_rule_as_well()
    {
        using var folder = new TempFolder();
        var settings = new HostSettings { DataFolder = folder.Path, Urls = ["http://127.0.0.1:0"], SignupOpen = false };

        Assert.Throws<InvalidOperationException>(() => InsulaHost.Build(settings, new HostAdditions { Routes = static routes => routes.MapGet("/secrets", static () => "everything") }));
        await using var host = InsulaHost.Build(settings);
    }

    private static void Refuse(Action<WebApplication> map)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseTestServer();
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        map(app);
        DefaultDeny.RefuseUnguarded(((IEndpointRouteBuilder)app).DataSources.SelectMany(static source => source.Endpoints));
    }
}
