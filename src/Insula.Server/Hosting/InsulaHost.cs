using Insula.Agents.Budgets;
using Insula.Agents.Knowledge;
using Insula.Agents.Models;
using Insula.Agents.Quotas;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Usage;
using Insula.Server.Endpoints;
using Insula.Server.Http;
using Insula.Server.ManagedAgents;
using Insula.Server.Telemetry;
using Insula.Storage;
using Insula.Tenancy;
using Insula.Tenancy.Access;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Webhooks;

namespace Insula.Server.Hosting;

/// <summary>
/// One server: its parts, its routes and the order of its start. <c>insula up</c> and the tests build the same one; a test
/// may only put another clock or another listener under it. Nothing is read from files or variables beside the settings.
/// </summary>
internal sealed class InsulaHost : IAsyncDisposable
{
    private InsulaHost(WebApplication app) => App = app;

    public WebApplication App { get; }

    public static InsulaHost Build(HostSettings settings) => Build(settings, new HostAdditions());

    /// <param name="additions">What a test puts under the server or beside its routes, after the product's own choices.</param>
    public static InsulaHost Build(HostSettings settings, HostAdditions additions)
    {

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "insula" });
        builder.UseListener(settings);
        builder.UseLogging();
        builder.Services.AddRoutingCore();
        builder.Services.AddTenancy(new TenancyOptions
        {
            DataFolder = settings.DataFolder,
            PlansFile = settings.PlansFile,
            SignupOpen = settings.SignupOpen,
            OperatorKey = settings.OperatorKey,
        });
        AddStorage(builder.Services, settings);
        builder.Services.AddModels(ModelOptionsOf(settings.Models));
        builder.Services.AddKnowledge(new KnowledgeOptions()).AddSingleton<UploadRoom>();
        builder.Services.AddRuns(new RunOptions());
        builder.Services.AddSchedules();
        builder.Services.AddHostedService<RunsService>();
        builder.Services.AddHostedService<SchedulesService>();
        builder.Services.AddUsage();
        builder.Services.AddBudgets();
        builder.Services.AddQuotas();
        builder.Services.AddHostedService<BudgetsService>();
        builder.Services.AddHostedService<UsageService>();
        builder.Services.AddHostedService<StatsService>();
        builder.Services.AddWebhooks(new WebhookOptions { PrivateAllowed = settings.WebhooksPrivate }).AddHostedService<WebhooksService>();
        builder.Services.AddBilling(settings.Billing).AddHostedService<BillingService>();
        builder.Services.AddHostedService<AccessService>();
        builder.Services.AddHostedService<RestingMemory>();
        builder.Services.AddManagedAgents();
        builder.Services.AddSingleton(settings).AddSingleton<Demo>().AddSingleton<LocalAccess>();
        builder.Services.AddTelemetry();
        builder.Services.AddOpenApiDocument();
        additions.Builder(builder);

        var app = builder.Build();
        app.UseManners();
        app.MapHome();
        app.MapHealth();
        app.MapOpenApiDocument();
        app.MapAccount();
        app.MapTenants();
        app.MapPlans();
        app.MapPrices();
        app.MapBudgets();
        app.MapUsage();
        app.MapStats();
        app.MapStatements();
        app.MapWebhooks();
        app.MapBilling();
        app.MapKeys();
        app.MapMembers();
        app.MapLimits();
        app.MapRuns();
        app.MapAudit();
        app.MapKnowledge();
        app.MapForks();
        app.MapSchedules();
        app.MapManagedAgents();
        additions.Routes(app);
        DefaultDeny.RefuseUnguarded(((IEndpointRouteBuilder)app).DataSources.SelectMany(static source => source.Endpoints));
        return new InsulaHost(app);
    }

    /// <summary>
    /// Opens the data: stores, keys, plans. A fault, returned or thrown, says what stops it and what to do.
    /// <paramref name="first"/> runs when all is open and no other node starts meanwhile: it may make what a first start makes.
    /// </summary>
    public async Task<Result<T>> OpenAsync<T>(Func<StartedTenancy, Task<T>> first, CancellationToken ct)
    {
        App.Services.StartTelemetry();
        var storage = App.Services.GetRequiredService<InstalledStorage>();
        await storage.OpenAsync(ct);
        await using var alone = await storage.HoldStartAsync(ct);
        return (await App.Services.GetRequiredService<StartTenancy>().RunAsync(ct)).Failed(out var fault, out var started) ? fault : await first(started);
    }

    /// <summary>The operator whom this key proves, for what a first start makes in the operator's name.</summary>
    public async Task<OperatorScope> OperatorAsync(Secret key, CancellationToken ct) =>
        (await App.Services.GetRequiredService<Authenticate>().RunAsync(key.Reveal(), ct)).Value is SignedInOperator signedIn
            ? signedIn.Scope
            : throw new InvalidOperationException("The operator key of this start signs in somebody else.");

    /// <summary>Begins to serve. The first address, with the real port.</summary>
    public async Task<string> ListenAsync(CancellationToken ct)
    {
        await App.StartAsync(ct);
        return App.Urls.First();
    }

    public async ValueTask DisposeAsync() => await App.DisposeAsync();

    private static void AddStorage(IServiceCollection services, HostSettings settings)
    {
        if (settings.Database is { } main)
        {
            services.AddPostgresStorage(new PostgresOptions { Main = main, Servers = settings.DatabaseServers, DataFolder = settings.DataFolder });
            services.AddHostedService<MigrationsService>();
        }
        else
        {
            services.AddSqliteStorage(new StorageOptions { DataFolder = settings.DataFolder });
        }
    }

    private static ModelOptions ModelOptionsOf(ModelSettings models) => new()
    {
        Anthropic = new ModelServer { BaseUrl = models.AnthropicBaseUrl, ApiKey = models.AnthropicKey },
        OpenAI = new ModelServer { BaseUrl = models.OpenAIBaseUrl, ApiKey = models.OpenAIKey },
        Ollama = new ModelOptions().Ollama with { BaseUrl = models.OllamaUrl },
        Scripted = models.Scripted,
    };
}

internal sealed record HostAdditions
{
    public Action<WebApplicationBuilder> Builder { get; init; } = static _ => { };

    public Action<IEndpointRouteBuilder> Routes { get; init; } = static _ => { };
}
