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
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Tests.Knowledge;

/// <summary>Knowledge over real stores in a folder of its own, on a clock that the test moves.</summary>
internal sealed class School : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly bool _ownsFolder;

    private School(string folder, bool ownsFolder, KnowledgeOptions options)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        _services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(Clock)
            .AddSqliteStorage(new StorageOptions { DataFolder = folder })
            .AddTenancy(new TenancyOptions { DataFolder = folder, SignupOpen = true, OperatorKey = new Secret("an operator key of the test's own") })
            .AddKnowledge(options)
            .BuildServiceProvider();
    }

    public ManualClock Clock { get; } = new();

    public string Folder { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<School> StartAsync(string? folder = null, KnowledgeOptions? options = null)
    {
        var school = new School(folder ?? Directory.CreateTempSubdirectory("insula-knowledge-").FullName, folder is null, options ?? new());
        await school.Get<SqliteStorage>().OpenAsync(Ct);
        Assert.Null((await school.Get<StartTenancy>().RunAsync(Ct)).Fault);
        return school;
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
