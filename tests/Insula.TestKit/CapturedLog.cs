using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Insula.TestKit;

/// <summary>Keeps what a host logs, whole: message, scopes and exception, as a reader of the log would see them.</summary>
public sealed class CapturedLog : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<LogLine> _lines = new();
    private IExternalScopeProvider? _scopes;

    public IReadOnlyList<LogLine> Lines => [.. _lines];

    /// <summary>Everything as one text, to search for what must not be there.</summary>
    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
        // The lines outlive the host: a test reads them after it stopped.
    }

    private sealed class Logger(CapturedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => log._scopes?.Push(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            List<string> scopes = [];
            log._scopes?.ForEachScope(static (scope, all) => all.Add(scope?.ToString() ?? ""), scopes);
            log._lines.Enqueue(new LogLine(logLevel, category, eventId.Id, formatter(state, exception), string.Join(" => ", scopes), exception?.ToString()));
        }
    }
}

public sealed record LogLine(LogLevel Level, string Category, int EventId, string Message, string Scopes, string? Exception);
