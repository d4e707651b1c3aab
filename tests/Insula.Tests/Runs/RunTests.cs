using Insula.Agents.Tools;
using Insula.TestKit;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>One node at a time on real files, with the test as the model: started, stopped and started again, or crashed.</summary>
public abstract class RunTests : IAsyncDisposable
{
    private readonly Stack<TempFolder> _folders = new([new TempFolder()]);
    private RunHarness? _runs;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>The node that runs.</summary>
    protected RunHarness Runs => _runs!;

    public async ValueTask DisposeAsync()
    {
        if (_runs is not null) await _runs.DisposeAsync();
        foreach (var folder in _folders) folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected async Task<RunHarness> StartAsync(params BuiltInTool[] tools) => _runs = await RunHarness.StartAsync(_folders.Peek().Path, Ct, scope: null, tools);

    /// <summary>An orderly stop, and another start on the same data.</summary>
    protected async Task<RunHarness> RestartAsync(params BuiltInTool[] tools)
    {
        var scope = Runs.Scope;
        await Runs.DisposeAsync();
        return _runs = await RunHarness.StartAsync(_folders.Peek().Path, Ct, scope, tools);
    }

    /// <summary>The next start finds the folder as a process leaves it that had no time to stop: what it held is still held.</summary>
    protected async Task<RunHarness> CrashAsync(params BuiltInTool[] tools)
    {
        var (crashed, image) = (_folders.Peek().Path, new TempFolder());
        _folders.Push(image);
        foreach (var file in Directory.EnumerateFiles(crashed, "*", SearchOption.AllDirectories).Where(static path => !path.EndsWith(".lock", StringComparison.Ordinal)))
        {
            var copy = Path.Combine(image.Path, Path.GetRelativePath(crashed, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return await RestartAsync(tools);
    }
}
