using System.Diagnostics.Metrics;
using Insula.Agents.Models;

namespace Insula.Agents.Runs;

/// <summary>The runs' instruments on the meter <c>Insula.Runs</c>. Labels are bounded: no tenant, no session, no model name given by a tenant.</summary>
public sealed class RunMetrics
{
    public const string MeterName = "Insula.Runs";

    private readonly Counter<long> _started;
    private readonly Counter<long> _ended;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _steps;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _modelDuration;
    private readonly Counter<long> _claims;
    private readonly Histogram<double> _waiting;
    private readonly Counter<long> _leasesLost;
    private QueueDepth? _queue;
    private int _atWork;

    public RunMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _started = meter.CreateCounter<long>("insula_runs_started_total", description: "Runs begun.");
        _ended = meter.CreateCounter<long>("insula_runs_ended_total", description: "Runs ended, by stop reason.");
        _duration = meter.CreateHistogram<double>("insula_run_duration_seconds", "s", "From a run's begin to its end, waiting included.");
        _steps = meter.CreateCounter<long>("insula_steps_total", description: "Steps taken, by kind and outcome.");
        _tokens = meter.CreateCounter<long>("insula_tokens_total", description: "Tokens used, by provider and direction.");
        _modelDuration = meter.CreateHistogram<double>("insula_model_call_duration_seconds", "s", "Model calls that answered, by provider.");
        _claims = meter.CreateCounter<long>("insula_run_claims_total", description: "Sessions that a worker of this node was set on.");
        _waiting = meter.CreateHistogram<double>("insula_run_waiting_seconds", "s", "How long a session that was ready waited for a worker.");
        meter.CreateObservableGauge("insula_run_queue_entries", Entries, description: "Sessions in the queue of runs over all nodes, by state; counted every 15 seconds.");
        meter.CreateObservableGauge("insula_runs_at_work", () => Volatile.Read(ref _atWork), description: "Sessions that a worker of this node is at now.");
        _leasesLost = meter.CreateCounter<long>("insula_run_leases_lost_total", description: "Leases that this node could not renew in time, or that another node took.");
    }

    /// <summary>The queue as it was counted last.</summary>
    internal QueueDepth? Queue
    {
        set => Volatile.Write(ref _queue, value);
    }

    /// <summary>A worker is at a session until what is given is disposed.</summary>
    internal IDisposable AtWork() => new Work(this);

    internal void Started() => _started.Add(1);

    internal void Claimed(TimeSpan waited)
    {
        _claims.Add(1);
        _waiting.Record(Math.Max(0, waited.TotalSeconds));
    }

    internal void LeaseLost() => _leasesLost.Add(1);

    internal void Ended(string stopReason, Run run)
    {
        _ended.Add(1, new KeyValuePair<string, object?>("stop_reason", stopReason));
        if (run is { StartedAt: { } started, EndedAt: { } ended }) _duration.Record((ended - started).TotalSeconds);
    }

    internal void ToolCalled(bool isError) => Step("tool", isError ? "error" : "ok");

    internal void ModelFailed(ModelFailure failure) => Step("model", failure switch
    {
        ModelFailure.Overloaded => "overloaded",
        ModelFailure.RateLimited => "rate_limited",
        _ => "refused",
    });

    internal void ModelAnswered(string provider, TokenUsage usage, TimeSpan took)
    {
        Step("model", "ok");
        var by = new KeyValuePair<string, object?>("provider", provider);
        _tokens.Add(usage.Input, by, new("direction", "input"));
        _tokens.Add(usage.Output, by, new("direction", "output"));
        _tokens.Add(usage.CacheRead, by, new("direction", "cache_read"));
        _tokens.Add(usage.CacheWrite, by, new("direction", "cache_write"));
        _modelDuration.Record(took.TotalSeconds, by);
    }

    private Measurement<long>[] Entries() => Volatile.Read(ref _queue) is not { } queue ? [] :
    [
        new(queue.Ready, new KeyValuePair<string, object?>("state", "ready")),
        new(queue.Held, new KeyValuePair<string, object?>("state", "held")),
        new(queue.Delayed, new KeyValuePair<string, object?>("state", "delayed")),
    ];

    private void Step(string kind, string outcome) => _steps.Add(1, new("kind", kind), new KeyValuePair<string, object?>("outcome", outcome));

    private sealed class Work : IDisposable
    {
        private readonly RunMetrics _metrics;

        public Work(RunMetrics metrics)
        {
            _metrics = metrics;
            Interlocked.Increment(ref metrics._atWork);
        }

        public void Dispose() => Interlocked.Decrement(ref _metrics._atWork);
    }
}
