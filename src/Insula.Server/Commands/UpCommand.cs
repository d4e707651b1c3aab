using System.Collections;
using System.CommandLine;
using System.Text.Json;
using Insula.Server.Hosting;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Server.Commands;

/// <summary>
/// <c>insula up</c>: runs the server until it is told to stop. Standard output gets one line (<c>--json</c>) or a short
/// text when the server is ready, and nothing else; the log goes to standard error.
/// </summary>
internal static class UpCommand
{
    private const int Stopped = 0;
    private const int CannotStart = 1;

    public static Command Create()
    {
        var data = new Option<string?>("--data") { Description = "Folder of all data (default ./data)", HelpName = "DIR" };
        var urls = new Option<string?>("--urls", "--url") { Description = "Addresses to listen on, separated by ';' (default http://127.0.0.1:8080; port 0 takes a free one)", HelpName = "URL" };
        var database = new Option<string?>("--database") { Description = "Owner's connection to a PostgreSQL database, as Host=… or postgresql://… (default: SQLite files in the data folder)", HelpName = "CONN" };
        var json = new Option<bool>("--json") { Description = "Print one line of JSON when ready" };
        var command = new Command("up", "Start the server") { data, urls, database, json };
        command.SetAction((parsed, ct) => RunAsync(
            new UpOptions(parsed.GetValue(data), parsed.GetValue(urls), parsed.GetValue(database)), parsed.GetValue(json), ct));
        return command;
    }

    private static async Task<int> RunAsync(UpOptions options, bool json, CancellationToken ct)
    {
        try
        {
            if (ReadSettings.From(Environment(), options).Failed(out var fault, out var settings)) return Refuse(fault);

            // Before anything is made: a first start that cannot listen must not make keys that nobody gets to see.
            if (AddressProbe.FindTaken(settings.Urls) is { } taken) return Refuse(taken);

            await using var host = InsulaHost.Build(settings);
            if ((await host.OpenAsync(tenancy => MakeFirstAsync(host, settings, tenancy, ct), ct)).Failed(out fault, out var made)) return Refuse(fault);

            await ServeAsync(host, settings, made, json, ct);
            return Stopped;
        }
        catch (FaultException refused)
        {
            return Refuse(refused.Fault);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return Stopped;
        }
    }

    private static async Task<FirstStart> MakeFirstAsync(InsulaHost host, HostSettings settings, StartedTenancy tenancy, CancellationToken ct)
    {
        var demo = host.App.Services.GetRequiredService<Demo>();
        if (tenancy.HasTenants) return new(tenancy.MadeOperatorKey, await demo.FindAsync(ct), null);
        var (ids, ownerKey) = await demo.MakeAsync(await host.OperatorAsync(tenancy.MadeOperatorKey ?? settings.OperatorKey!, ct), ct);
        return new(tenancy.MadeOperatorKey, ids, ownerKey);
    }

    private static async Task ServeAsync(InsulaHost host, HostSettings settings, FirstStart made, bool json, CancellationToken ct)
    {
        var url = await host.ListenAsync(ct);
        var ids = made.Demo;
        var local = host.App.Services.GetRequiredService<LocalAccess>();
        await local.OpenAsync(url, ids, ct);
        var ready = new ReadyLine(url, made.OperatorKey?.Reveal(), ids?.TenantId.ToString(), made.OwnerKey?.Reveal(), ids?.AgentId.ToString());
        await Console.Out.WriteLineAsync(json ? JsonSerializer.Serialize(ready, ApiJson.Options) : Text(ready, settings));

        await host.App.WaitForShutdownAsync(ct);

        // The stop itself is what was asked for, so it is not cancelled by the same wish.
        await local.CloseAsync(ids, CancellationToken.None);
    }

    private static string Text(ReadyLine ready, HostSettings settings)
    {
        var lines = new List<string> { $"Insula is ready at {ready.Url}, with its data {(settings.Database is null ? $"in {settings.DataFolder}" : "on PostgreSQL")}." };
        if (ready.OperatorKey is not null) lines.Add($"  operator key   {ready.OperatorKey}");
        if (ready.TenantKey is not null)
        {
            lines.Add($"  tenant demo    {ready.TenantId}");
            lines.Add($"  its owner key  {ready.TenantKey}");
            lines.Add($"  its agent      {ready.AgentId}  (insula/reader)");
        }

        if (ready.OperatorKey is not null || ready.TenantKey is not null) lines.Add("These keys are shown this once: keep them now.");
        lines.Add("In another terminal:  insula knowledge learn README.md && insula run \"What is a placement?\"");
        return string.Join('\n', lines);
    }

    private static int Refuse(Fault fault)
    {
        Console.Error.WriteLine($"insula up: {fault.Message}");
        if (fault.Internal is { } detail) Console.Error.WriteLine($"  ({detail})");
        return CannotStart;
    }

    private static Dictionary<string, string> Environment() => System.Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToDictionary(static variable => (string)variable.Key, static variable => (string?)variable.Value ?? "", StringComparer.Ordinal);

    /// <summary>What a start made or found. The keys are those that it made.</summary>
    private sealed record FirstStart(Secret? OperatorKey, DemoIds? Demo, Secret? OwnerKey);

    private sealed record ReadyLine(string Url, string? OperatorKey, string? TenantId, string? TenantKey, string? AgentId);
}
