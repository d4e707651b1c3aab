using System.Diagnostics.Metrics;
using System.Reflection;

namespace Insula.Server.Telemetry;

/// <summary>What the process itself takes, read when the page is asked for.</summary>
internal sealed class ProcessMetrics
{
    public const string MeterName = "Insula.Process";

    public ProcessMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        var version = typeof(ProcessMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        meter.CreateObservableGauge("insula_build_info", () => new Measurement<long>(1, new KeyValuePair<string, object?>("version", version)), description: "Always 1; the label is the running version.");
        meter.CreateObservableGauge("insula_process_resident_bytes", static () => Environment.WorkingSet, "By", "Resident memory of the process.");
        meter.CreateObservableGauge("insula_process_heap_bytes", static () => GC.GetTotalMemory(forceFullCollection: false), "By", "Managed heap of the process.");
    }
}
