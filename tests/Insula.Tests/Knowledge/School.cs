using System.Text;
using Insula.Agents.Knowledge;
using Insula.Knowledge.Answers;
using Insula.Storage;
using Insula.Tenancy;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Tests.Knowledge;

/// <summary>Knowledge over real stores in a folder of its own, on a clock that the test moves.</summary>
internal sealed class School : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly bool _ownsFolder;

    private School(string folder, bool ownsFolder, KnowledgeOptions options, Action<IServiceCollection> storage)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(Clock)
            .AddTenancy(new TenancyOptions { DataFolder = folder, SignupOpen = true, OperatorKey = new Secret("an operator key of the test's own") })
            .AddKnowledge(options);
        storage(services);
        _services = services.BuildServiceProvider();
    }

    public ManualClock Clock { get; } = new();

    public string Folder { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="wire">Makes it one node among several; null for one that is alone.</param>
    public static async Task<School> StartAsync(string? folder = null, KnowledgeOptions? options = null, TestWire? wire = null)
    {
        var path = folder ?? Directory.CreateTempSubdirectory("insula-knowledge-").FullName;
        var school = new School(path, folder is null, options ?? new(), services =>
        {
            services.AddSqliteStorage(new StorageOptions { DataFolder = path });
            wire?.AddNode(services);
        });
        await school.Get<SqliteStorage>().OpenAsync(Ct);
        Assert.Null((await school.Get<StartTenancy>().RunAsync(Ct)).Fault);
        return school;
    }

    /// <summary>Another node on the stores of this one.</summary>
    public async Task<School> JoinAsync(TestWire wire)
    {
        var next = new School(Folder, ownsFolder: false, new(), services => wire.AddNode(services, _services));
        Assert.Null((await next.Get<StartTenancy>().RunAsync(Ct)).Fault);
        return next;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public async Task<TenantScope> AddTenantAsync(LimitOverrides? limits = null)
    {
        var created = await Get<CreateTenant>().RunAsync(new OperatorScope("test"), new TenantRequest("Acme", "enterprise", Limits: limits), Ct);
        return SystemTask.Run.For(created.Value.Tenant.Id);
    }

    public Task<Result<Learned>> LearnAsync(TenantScope scope, string name, byte[] text) =>
        Get<LearnText>().LearnAsync(scope, new(name, text, null, new Dictionary<string, string>()), Ct);

    public Task<Result<Learned>> LearnAsync(TenantScope scope, string name, string text) => LearnAsync(scope, name, Encoding.UTF8.GetBytes(text));

    public async Task<Answer> AskAsync(TenantScope scope, string question) => (await Get<QueryKnowledge>().QueryAsync(scope, question, null, Ct)).Value;

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        if (_ownsFolder) Directory.Delete(Folder, recursive: true);
    }
}
