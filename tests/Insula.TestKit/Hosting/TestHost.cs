using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Hosting;
using Insula.Tenancy.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.TestKit.Hosting;

/// <summary>How a test wants its server.</summary>
public sealed record TestHostOptions
{
    /// <summary>Real sockets on a free port, for what only Kestrel does; otherwise requests are handed over in memory.</summary>
    public bool RealPort { get; init; }

    /// <summary>The server's clock; null for the real one.</summary>
    public ManualClock? Clock { get; init; }

    public bool SignupOpen { get; init; } = true;

    /// <summary>A data folder to start on; null makes one that goes with the host.</summary>
    public string? DataFolder { get; init; }

    /// <summary>The owner's connection to a database; null for the embedded store.</summary>
    public string? Database { get; init; }

    /// <summary>The placement of tenants made by <see cref="TestHost.CreateTenantAsync"/>; null for the installation's default.</summary>
    public string? Placement { get; init; }

    /// <summary>Registrations over the product's own, for a fake upstream and the like.</summary>
    public Action<IServiceCollection> Services { get; init; } = static _ => { };

    /// <summary>Routes beside the product's own, to see how the edge treats what an endpoint may do.</summary>
    public Action<IEndpointRouteBuilder> Routes { get; init; } = static _ => { };
}

/// <summary>A whole server in this process, on its own data folder, with the operator's key at hand.</summary>
public sealed class TestHost : IAsyncDisposable
{
    /// <summary>The operator key of every test server.</summary>
    public const string OperatorKey = "operator-key-for-tests-only";

    private readonly InsulaHost _host;
    private readonly TempFolder? _ownFolder;
    private readonly Func<HttpClient> _newClient;
    private readonly string? _placement;

    private TestHost(InsulaHost host, TempFolder? ownFolder, string url, CapturedLog log, TestHostOptions options)
    {
        _placement = options.Placement;
        _host = host;
        _ownFolder = ownFolder;
        Url = new Uri(url);
        Log = log;
        _newClient = options.RealPort
            ? () => new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false }) { BaseAddress = Url }
            : () => new HttpClient(host.App.GetTestServer().CreateHandler()) { BaseAddress = Url };
        Operator = Client(OperatorKey);
    }

    /// <summary>The first address; with real sockets it holds the real port.</summary>
    public Uri Url { get; }

    public CapturedLog Log { get; }

    public IServiceProvider Services => _host.App.Services;

    /// <summary>Calls as the operator.</summary>
    public HttpClient Operator { get; }

    /// <summary>Every endpoint that the running server routes to.</summary>
    public IReadOnlyList<RouteEndpoint> Endpoints =>
        [.. ((IEndpointRouteBuilder)_host.App).DataSources.SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>()];

    public static Task<TestHost> StartAsync(CancellationToken ct) => StartAsync(new TestHostOptions(), ct);

    public static async Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct)
    {
        var ownFolder = options.DataFolder is null ? new TempFolder() : null;
        var settings = new HostSettings
        {
            DataFolder = options.DataFolder ?? ownFolder!.Path,
            Urls = ["http://127.0.0.1:0"],
            OperatorKey = new Secret(OperatorKey),
            SignupOpen = options.SignupOpen,
            Database = options.Database is { } database ? new Secret(database) : null,
        };
        var log = new CapturedLog();
        var host = InsulaHost.Build(settings, new HostAdditions
        {
            Builder = builder =>
            {
                builder.Logging.ClearProviders().AddProvider(log);
                if (options.Clock is { } clock) builder.Services.AddSingleton<TimeProvider>(clock);
                options.Services(builder.Services);
                if (!options.RealPort) builder.WebHost.UseTestServer();
            },
            Routes = options.Routes,
        });
        try
        {
            _ = (await host.OpenAsync(Task.FromResult, ct)).Value;
            var url = await host.ListenAsync(ct);
            return new TestHost(host, ownFolder, options.RealPort ? url : "http://localhost", log, options);
        }
        catch
        {
            await host.DisposeAsync();
            ownFolder?.Dispose();
            throw;
        }
    }

    /// <summary>A client that sends this key, or none.</summary>
    public HttpClient Client(string? key)
    {
        var client = _newClient();
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>Makes a tenant as the operator does; on <c>enterprise</c>, so that no limit is in a test's way.</summary>
    /// <param name="placement">Where; null for the placement of <see cref="TestHostOptions.Placement"/>.</param>
    public async Task<TestTenant> CreateTenantAsync(string name, CancellationToken ct, string plan = "enterprise", string? placement = null)
    {
        using var answer = await Operator.PostAsJsonAsync("/api/v1/tenants", new { name, plan, placement = placement ?? _placement }, ct);
        answer.EnsureSuccessStatusCode();
        var created = await answer.Content.ReadFromJsonAsync<JsonElement>(ct);
        var secret = created.GetProperty("key").GetProperty("secret").GetString()!;
        return new TestTenant(
            created.GetProperty("tenant").GetProperty("id").GetString()!, created.GetProperty("key").GetProperty("id").GetString()!, secret, Client(secret));
    }

    public async ValueTask DisposeAsync()
    {
        Operator.Dispose();
        await _host.App.StopAsync();
        await _host.DisposeAsync();
        _ownFolder?.Dispose();
    }
}

/// <param name="Client">Calls with the owner key.</param>
public sealed record TestTenant(string Id, string KeyId, string Key, HttpClient Client);
