using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace Insula.Server.Telemetry;

/// <summary>
/// Collects this host's instruments and writes them in the Prometheus text format 0.0.4. It listens to meters named
/// <c>Insula.*</c> that the host's own factory made, so that two hosts in one process (tests) do not count for each other.
/// Instruments carry their final names (<c>_total</c>, <c>_seconds</c>, <c>_bytes</c>). The number of series is bounded: a
/// label that grows without end ends in one series marked <c>overflow</c>, not in the server's memory.
/// </summary>
internal sealed class MetricsPage : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly ConcurrentDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public MetricsPage(IMeterFactory meters)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (!ReferenceEquals(instrument.Meter.Scope, meters) || !instrument.Meter.Name.StartsWith("Insula.", StringComparison.Ordinal)) return;
            listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument.Name, _ => new MetricFamily(instrument)));
        };
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Note(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Note(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Note(value, tags));
        _listener.Start();
    }

    public string Write()
    {
        _listener.RecordObservableInstruments();
        var text = new StringBuilder();
        foreach (var family in _families.Values.OrderBy(static family => family.Name, StringComparer.Ordinal)) family.WriteTo(text);
        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();
}
