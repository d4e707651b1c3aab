using Insula.Storage;
using Insula.Tenancy;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Members;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Tests.Tenancy;

/// <summary>Tenancy over a real control store in a folder of its own, on a clock that the test moves.</summary>
internal sealed class Installation : IAsyncDisposable
{
    public const string GivenOperatorKey = "an operator key of the test's own";

    private readonly ServiceProvider _services;
    private readonly bool _ownsFolder;

    private Installation(string folder, bool ownsFolder, TenancyOptions options, Action<IServiceCollection> storage, Action<IServiceCollection>? services)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        var collection = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(Clock).AddTenancy(options);
        storage(collection);
        services?.Invoke(collection);
        _services = collection.BuildServiceProvider();
    }

    public ManualClock Clock { get; } = new();

    public string Folder { get; }

    public OperatorScope Operator { get; } = new("test");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>An installation with its store open and <see cref="StartTenancy"/> not yet run.</summary>
    /// <param name="services">Registrations over the product's own.</param>
    public static async Task<Installation> OpenAsync(
        string? folder = null, Func<TenancyOptions, TenancyOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var path = folder ?? Directory.CreateTempSubdirectory("insula-tenancy-").FullName;
        var options = new TenancyOptions { DataFolder = path, SignupOpen = true, OperatorKey = new Secret(GivenOperatorKey) };
        var installation = new Installation(
            path, folder is null, configure?.Invoke(options) ?? options, collection => collection.AddSqliteStorage(new StorageOptions { DataFolder = path }), services);
        await installation.Get<SqliteStorage>().OpenAsync(Ct);
        return installation;
    }

    public static async Task<Installation> StartAsync(
        string? folder = null, Func<TenancyOptions, TenancyOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var installation = await OpenAsync(folder, configure, services);
        Assert.Null((await installation.Get<StartTenancy>().RunAsync(Ct)).Fault);
        return installation;
    }

    /// <summary>Another node on the stores of this one.</summary>
    public async Task<Installation> JoinAsync(TestWire wire)
    {
        var options = new TenancyOptions { DataFolder = Folder, SignupOpen = true, OperatorKey = new Secret(GivenOperatorKey) };
        var next = new Installation(Folder, ownsFolder: false, options, services => wire.AddNode(services, _services), services: null);
        Assert.Null((await next.Get<StartTenancy>().RunAsync(Ct)).Fault);
        return next;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public async Task<CreatedTenant> CreateTenantAsync(string name = "Acme", string? plan = null) =>
        (await Get<CreateTenant>().RunAsync(Operator, new TenantRequest(name, plan), Ct)).Value;

    public async Task<Result<SignedIn>> SignInAsync(Secret key) => await Get<Authenticate>().RunAsync(key.Reveal(), Ct);

    public async Task<TenantScope> ScopeOfAsync(CreatedApiKey key) => ((SignedInTenant)(await SignInAsync(key.Secret)).Value).Scope;

    public async Task<CreatedApiKey> CreateKeyAsync(TenantScope scope, params string[] scopes) =>
        (await Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("key", scopes), Ct)).Value;

    public async Task<Member> AddMemberAsync(TenantScope scope, MemberRole role, string name = "Ada") =>
        (await Get<AddMember>().RunAsync(scope, new MemberRequest(name, Role: role), Ct)).Value;

    /// <summary>A key of a member, with these scopes or with those that are given unasked.</summary>
    public async Task<CreatedApiKey> CreateKeyAsync(TenantScope scope, Member member, params string[] scopes) =>
        (await Get<CreateApiKey>().RunAsync(scope, new ApiKeyRequest("key", scopes.Length > 0 ? scopes : null, Member: member.Id), Ct)).Value;

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        if (_ownsFolder) Directory.Delete(Folder, recursive: true);
    }
}
