using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Commands;

/// <summary>A server on a real port, and shells that know it by their variables.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    private readonly TempFolder _folder = new();

    public TestHost Host { get; private set; } = null!;

    internal string Folder => _folder.Path;

    public async ValueTask InitializeAsync() =>
        Host = await TestHost.StartAsync(new TestHostOptions { RealPort = true }, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        _folder.Dispose();
    }

    internal Shell Operator() => With(TestHost.OperatorKey, Host.Url);

    internal async Task<Shell> TenantAsync(string name, CancellationToken ct) => With((await Host.CreateTenantAsync(name, ct)).Key, Host.Url);

    internal Shell With(string key, Uri url) =>
        new(_folder.Path) { Variables = new Dictionary<string, string> { ["INSULA_URL"] = url.AbsoluteUri, ["INSULA_KEY"] = key } };

    /// <summary>Writes a file into the shells' folder and gives its name.</summary>
    internal async Task<string> WriteAsync(string name, string text, CancellationToken ct)
    {
        var path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, text, ct);
        return name;
    }
}
