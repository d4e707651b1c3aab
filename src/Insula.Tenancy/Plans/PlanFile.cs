using System.Globalization;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using static Insula.Tenancy.Wording.YamlParts;

namespace Insula.Tenancy.Plans;

/// <summary>
/// Reads a file of plans over the plans known so far. What the file does not name stays; a plan that is new must give
/// every limit but those of <see cref="Optional"/>. An unknown key, a number out of range or a second value for one key refuses
/// the whole file, with its line: a mistyped limit must not become a default.
/// </summary>
internal static class PlanFile
{
    private const long FileBytesMax = 1024 * 1024;
    private const int ReadsPerRequest = 10;

    /// <summary>What a new plan may leave out: reads follow requests, and the others came after the first plan files were written.</summary>
    private static readonly string[] Optional =
    [
        "reads_per_minute", "schedules", "schedule_interval_seconds", "run_weight", "runs_minimum", "runs_per_minute", "tokens_per_minute", "sessions", "agents", "keys", "members",
    ];

    private static readonly string[] PlanKeys = ["description", "limits", "features", "placement"];

    /// <param name="placements">The placement of a name, or why it cannot be had.</param>
    public static Result<IReadOnlyList<Plan>> Read(string path, IReadOnlyDictionary<string, Plan> known, Func<string, Result<Placement>> placements)
    {
        try
        {
            if (new FileInfo(path).Length > FileBytesMax) return Unusable($"The plan file {path} is larger than {FileBytesMax} bytes.");
            using var text = File.OpenText(path);
            return Read(path, text, known, placements);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Unusable($"The plan file {path} cannot be read: {error.Message}");
        }
    }

    /// <param name="name">What to call the text in refusals.</param>
    /// <param name="placements">The placement of a name, or why it cannot be had.</param>
    public static Result<IReadOnlyList<Plan>> Read(string name, TextReader text, IReadOnlyDictionary<string, Plan> known, Func<string, Result<Placement>> placements)
    {
        try
        {
            return Section(text, "plans") is { } plans
                ? (Plan[])[.. Mapping(plans, "plans", null).Select(entry => ReadPlan(entry.Key, entry.Value, known.GetValueOrDefault(entry.Key), placements))]
                : Array.Empty<Plan>();
        }
        catch (YamlException error)
        {
            return Unusable($"{name}, line {error.Start.Line}: {error.Message}");
        }
    }

    private static Plan ReadPlan(string name, YamlNode node, Plan? known, Func<string, Result<Placement>> placements)
    {
        var keys = Mapping(node, $"The plan '{name}'", PlanKeys);
        var plan = new Plan(
            name,
            keys.TryGetValue("description", out var description) ? Text(description, "description") : known?.Description ?? "",
            ReadLimits(name, node, keys.GetValueOrDefault("limits"), known?.Limits),
            keys.TryGetValue("features", out var features) ? Texts(features, "features") : known?.Features ?? [],
            keys.TryGetValue("placement", out var placement) ? ReadPlacement(placement, placements) : known?.Placement);
        return PlanRules.Check(plan) is { } fault ? throw Broken(node, fault.Message) : plan;
    }

    private static Placement ReadPlacement(YamlNode node, Func<string, Result<Placement>> placements) =>
        placements(Text(node, "placement")).Failed(out var fault, out var placement) ? throw Broken(node, fault.Message) : placement;

    private static Limits ReadLimits(string name, YamlNode plan, YamlNode? node, Limits? known)
    {
        var given = node is null ? [] : Mapping(node, "limits", LimitRule.Names);
        var overrides = LimitOverrides.None;
        foreach (var rule in LimitRule.All)
        {
            if (!given.TryGetValue(rule.Name, out var value))
            {
                if (known is null && !Optional.Contains(rule.Name)) throw Broken(node ?? plan, $"the plan '{name}' is new, so it must give limits.{rule.Name}.");
                continue;
            }

            var number = WholeNumber(value, rule.Name);
            if (rule.Check($"limits.{rule.Name}", number) is { } fault) throw Broken(value, fault.Message);
            overrides = rule.With(overrides, number);
        }

        if (overrides is { ReadsPerMinute: null, RequestsPerMinute: { } requests }) overrides = overrides with { ReadsPerMinute = requests * ReadsPerRequest };
        return overrides.ApplyTo(known ?? new Limits(0, 0, 0, 0, 0, 0, 0));
    }

    private static string[] Texts(YamlNode node, string what) =>
        node is YamlSequenceNode list ? [.. list.Select(item => Text(item, $"each of {what}"))] : throw Broken(node, $"{what} must be a list.");

    private static long WholeNumber(YamlNode node, string what) =>
        long.TryParse(Text(node, what).Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Broken(node, $"{what} must be a whole number.");

    private static Fault Unusable(string message) => Fault.Unavailable("plans_unusable", message);
}
