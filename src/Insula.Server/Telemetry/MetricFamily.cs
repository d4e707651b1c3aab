using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Insula.Server.Telemetry;

/// <summary>One instrument with all its series.</summary>
internal sealed class MetricFamily
{
    private const int SeriesMax = 1000;

    private static readonly double[] DefaultBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _help;
    private readonly string _type;
    private readonly bool _adds;
    private readonly double[] _bounds;

    public MetricFamily(Instrument instrument)
    {
        Name = instrument.Name;
        _help = instrument.Description ?? instrument.Name;
        var kind = instrument.GetType().Name;
        _type = kind.StartsWith("Histogram", StringComparison.Ordinal) ? "histogram" : kind.Contains("Gauge", StringComparison.Ordinal) || kind.Contains("UpDown", StringComparison.Ordinal) ? "gauge" : "counter";
        // An observable instrument reports its present value; the others report what to add.
        _adds = !instrument.IsObservable && !kind.StartsWith("Gauge", StringComparison.Ordinal);
        _bounds = _type == "histogram" ? DefaultBounds : [];
    }

    public string Name { get; }

    public void Note(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = LabelsOf(tags);
        if (!_series.TryGetValue(labels, out var series))
        {
            if (_series.Count >= SeriesMax) labels = "overflow=\"true\"";
            series = _series.GetOrAdd(labels, _ => new Series(_bounds.Length));
        }

        lock (series)
        {
            series.Value = _adds ? series.Value + value : value;
            if (_type != "histogram") return;
            series.Count++;
            for (var i = 0; i < _bounds.Length; i++)
            {
                if (value <= _bounds[i]) series.Buckets[i]++;
            }
        }
    }

    public void WriteTo(StringBuilder text)
    {
        text.Append("# HELP ").Append(Name).Append(' ').Append(Escape(_help)).Append('\n');
        text.Append("# TYPE ").Append(Name).Append(' ').Append(_type).Append('\n');
        foreach (var (labels, series) in _series.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            lock (series)
            {
                if (_type == "histogram") WriteHistogram(text, labels, series);
                else Line(text, Name, labels, series.Value);
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        var separator = labels.Length == 0 ? "" : ",";
        for (var i = 0; i < _bounds.Length; i++)
        {
            Line(text, $"{Name}_bucket", $"{labels}{separator}le=\"{Number(_bounds[i])}\"", series.Buckets[i]);
        }

        Line(text, $"{Name}_bucket", $"{labels}{separator}le=\"+Inf\"", series.Count);
        Line(text, $"{Name}_sum", labels, series.Value);
        Line(text, $"{Name}_count", labels, series.Count);
    }

    private static void Line(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.Length == 0) return "";
        var text = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            if (text.Length > 0) text.Append(',');
            text.Append(name).Append("=\"").Append(Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")).Append('"');
        }

        return text.ToString();
    }

    private static string Escape(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private sealed class Series(int buckets)
    {
        public double Value { get; set; }

        public long Count { get; set; }

        public long[] Buckets { get; } = new long[buckets];
    }
}
