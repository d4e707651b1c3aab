using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Insula.TestKit.Processes;

/// <summary>
/// The real program as a process of its own: <c>insula up</c> on a free port and a data folder of the test's. It can be
/// killed without warning and started again on the same folder. What it logs is kept for the failure message.
/// </summary>
public sealed class InsulaProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _log;

    private InsulaProcess(Process process, StringBuilder log, StartedLine started)
    {
        _process = process;
        _log = log;
        Started = started;
    }

    /// <summary>The line that the program printed when it was ready.</summary>
    public StartedLine Started { get; }

    public Uri Url => new(Started.Url);

    public int Pid => _process.Id;

    /// <summary>Everything it wrote to standard error so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>Starts the program and waits until it is ready.</summary>
    public static Task<InsulaProcess> StartAsync(string dataFolder, CancellationToken ct, params (string Name, string Value)[] settings) =>
        StartAsync([typeof(Program).Assembly.Location, "up", "--data", dataFolder, "--urls", "http://127.0.0.1:0", "--json"], ct, settings);

    /// <summary>Starts another program that serves Insula and says so with the same line.</summary>
    public static async Task<InsulaProcess> StartAsync(IReadOnlyList<string> arguments, CancellationToken ct, params (string Name, string Value)[] settings)
    {
        var info = new ProcessStartInfo("dotnet", arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in info.Environment.Keys.Where(k => k.StartsWith("INSULA_", StringComparison.Ordinal)).ToList()) info.Environment.Remove(name);
        foreach (var (name, value) in settings) info.Environment[name] = value;

        var log = new StringBuilder();
        var process = new Process { StartInfo = info };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (log) log.AppendLine(line.Data);
        };
        process.Start();
        process.BeginErrorReadLine();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(StartLimit);
        string? line;
        try
        {
            line = await process.StandardOutput.ReadLineAsync(limit.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
            ct.ThrowIfCancellationRequested();
            throw new TimeoutException($"insula up was not ready after {StartLimit}:\n{log}", e);
        }

        if (line is null)
        {
            await process.WaitForExitAsync(ct);
            throw new InvalidOperationException($"insula up ended with {process.ExitCode} before it was ready:\n{log}");
        }

        var started = JsonSerializer.Deserialize<StartedLine>(line, JsonSerializerOptions.Web)!;
        return new InsulaProcess(process, log, started);
    }

    /// <summary>A client that signs in with <paramref name="key"/>.</summary>
    public HttpClient Client(string key)
    {
        var client = new HttpClient { BaseAddress = Url };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>SIGKILL: the program gets no chance to tidy up.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>When it ended by itself.</summary>
    public Task ExitedAsync(CancellationToken ct) => _process.WaitForExitAsync(ct);

    /// <summary>SIGTERM, and the exit code.</summary>
    public async Task<int> StopAsync(CancellationToken ct)
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString()]);
        await kill.WaitForExitAsync(ct);
        await _process.WaitForExitAsync(ct);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }
}

/// <summary>What <c>insula up --json</c> prints when it is ready; keys are null when the data folder is not new.</summary>
public sealed record StartedLine(
    string Url,
    [property: System.Text.Json.Serialization.JsonPropertyName("operator_key")] string? OperatorKey,
    [property: System.Text.Json.Serialization.JsonPropertyName("tenant_id")] string? TenantId,
    [property: System.Text.Json.Serialization.JsonPropertyName("tenant_key")] string? TenantKey,
    [property: System.Text.Json.Serialization.JsonPropertyName("agent_id")] string? AgentId);
