using System.Globalization;
using System.Text.Json;
using Insula.Agents.Tools;
using Insula.CrashNode;
using Insula.Server.Hosting;
using Insula.Tenancy.Access;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// The product's own server with tools that act on another server, which dies by SIGKILL at the moment that it is told.
// It prints one line when it is ready, as insula up --json does.
//   CRASH_DATA, CRASH_DATABASE (empty: files)   where its data are
//   CRASH_OPERATOR_KEY                          the operator's key
//   CRASH_TOOLS                                 address of the server that the tools act on
//   CRASH_AT, CRASH_COUNT                       the RunPoint, ChildPoint, SchedulePoint or UsagePoint to die at, and at which time it is reached; without it, it lives
//   CRASH_ARMED                                 a file; while it is not there, no point counts
//   CRASH_HASTY_SINCE                           since when a schedule's minutes are seconds; without it, they are minutes
static string Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : "";

var settings = new HostSettings
{
    DataFolder = Setting("CRASH_DATA"),
    Urls = ["http://127.0.0.1:0"],
    OperatorKey = new Secret(Setting("CRASH_OPERATOR_KEY")),
    SignupOpen = false,
    Database = Setting("CRASH_DATABASE") is { Length: > 0 } database ? new Secret(database) : null,
};
var tools = new Uri(Setting("CRASH_TOOLS"));
await using var host = InsulaHost.Build(settings, new HostAdditions
{
    Builder = builder =>
    {
        foreach (var tool in (BuiltInTool[])[new OutsideTool("keyed", ToolRepeat.WithKey, tools), new OutsideTool("plain", ToolRepeat.Never, tools), new OutsideTool("late", ToolRepeat.Never, tools)])
        {
            builder.Services.AddSingleton(tool);
        }

        if (Setting("CRASH_HASTY_SINCE") is { Length: > 0 } since) HastyAlarms.Replace(builder.Services, DateTimeOffset.Parse(since, CultureInfo.InvariantCulture));
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace);
        if (Setting("CRASH_AT") is { Length: > 0 } point) builder.Logging.AddProvider(new Death(point, int.Parse(Setting("CRASH_COUNT")), Setting("CRASH_ARMED")));
    },
});
_ = (await host.OpenAsync(Task.FromResult, CancellationToken.None)).Value;
Console.WriteLine(JsonSerializer.Serialize(new { url = await host.ListenAsync(CancellationToken.None) }));
await host.App.WaitForShutdownAsync();
