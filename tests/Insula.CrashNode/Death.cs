using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Insula.CrashNode;

/// <summary>Kills its own process, by a signal that nothing can catch, in the moment that a run, or a shipment of usage, reaches a point for the n-th time.</summary>
/// <param name="armed">A file that has to be there; empty when it need not.</param>
internal sealed class Death(string point, int count, string armed) : ILoggerProvider, ILogger
{
    private const int RunPoints = 3020;
    private const int ChildPoints = 3021;
    private const int SchedulePoints = 3210;
    private const int UsagePoints = 3220;

    private readonly ManualResetEventSlim _never = new();
    private int _left = count;

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Trace;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id is not (RunPoints or ChildPoints or SchedulePoints or UsagePoints) || state is not IReadOnlyList<KeyValuePair<string, object?>> values) return;
        if (!values.Any(value => value.Key == "Point" && string.Equals(value.Value?.ToString(), point, StringComparison.Ordinal))) return;
        if (armed.Length > 0 && !File.Exists(armed)) return;
        if (Interlocked.Decrement(ref _left) != 0) return;
        using var self = Process.GetCurrentProcess();
        self.Kill();
        _never.Wait();
    }

    public void Dispose() => _never.Dispose();
}
