using System.Diagnostics.Metrics;
using Insula.Tenancy.Budgets;

namespace Insula.Agents.Budgets;

/// <summary>The instruments of budgets, on the meter <c>Insula.Budgets</c>.</summary>
public sealed class BudgetMetrics
{
    public const string MeterName = "Insula.Budgets";

    private readonly Counter<long> _refusals;
    private readonly Counter<long> _waits;
    private readonly Counter<long> _lowered;
    private readonly Counter<long> _shrinks;
    private readonly Counter<long> _cuts;
    private readonly Counter<long> _overruns;

    public BudgetMetrics(IMeterFactory meters, BudgetSignals signals)
    {
        var meter = meters.Create(MeterName);
        _refusals = meter.CreateCounter<long>("insula_budget_refusals_total", description: "Model calls and messages that were refused because a budget was used up, by scope.");
        _waits = meter.CreateCounter<long>("insula_budget_waits_total", description: "Model calls that waited for money which other steps held.");
        _lowered = meter.CreateCounter<long>("insula_budget_lowered_total", description: "Model calls whose output was lowered to what was left of a budget.");
        _shrinks = meter.CreateCounter<long>("insula_budget_shrinks_total", description: "Model calls of whose hold a part was given back while they answered, since the provider said what they took in.");
        _cuts = meter.CreateCounter<long>("insula_budget_cuts_total", description: "Model calls that were cut while they answered, since they put out more than the provider was asked for and was paid for.");
        var thresholds = meter.CreateCounter<long>("insula_budget_thresholds_total", description: "Thresholds that the spending of budgets reached, by scope and percent.");
        signals.Listen(notice => thresholds.Add(1, new("scope", BudgetNames.Of(notice.Budget.Key.Scope)), new("percent", notice.Percent)));
        _overruns = meter.CreateCounter<long>("insula_budget_overruns_total", description: "Model calls that cost more than was held for them: the provider counted more than was estimated.");
    }

    internal void Refused(BudgetScope scope) => _refusals.Add(1, new KeyValuePair<string, object?>("scope", BudgetNames.Of(scope)));

    internal void Waited() => _waits.Add(1);

    internal void Lowered() => _lowered.Add(1);

    internal void Shrunk() => _shrinks.Add(1);

    internal void Cut() => _cuts.Add(1);

    internal void Overrun() => _overruns.Add(1);
}
