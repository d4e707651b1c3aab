using Insula.Agents.Models;
using Insula.Tenancy.Access;
using Insula.Tests.Knowledge;

namespace Insula.Tests.Models;

/// <summary>The reader, over what a real tenant was taught, keeps to the contract too.</summary>
public sealed class ReaderProviderTests : ModelProviderContract, IAsyncLifetime
{
    private School? _school;
    private TenantScope? _scope;

    protected override IModelProvider Provider => _school!.Get<IModelProvider>();

    public async ValueTask InitializeAsync()
    {
        _school = await School.StartAsync();
        _scope = await _school.AddTenantAsync();
        await _school.LearnAsync(_scope, "towers.md", "# Towers\n\nThe gate of the north tower is blue.");
    }

    public ValueTask DisposeAsync() => _school!.DisposeAsync();

    protected override ModelRequest AnyRequest() => Conversations.Ask("Which gate is blue?", "reader") with { Scope = _scope! };
}
