using System.Collections.Frozen;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Prices;

/// <summary>
/// The prices, in memory: the built-in ones, the operator's file's, and those put by API. Nothing is ever taken out while
/// the process lives, so what was looked up once is found again. Opened once by <see cref="Access.StartTenancy"/>; on other
/// nodes a put is in force within seconds.
/// </summary>
public sealed class PriceCatalog
{
    /// <summary>Kinds of goods that are no models.</summary>
    public const string ToolCall = "tool_call";

    private readonly Lock _changing = new();
    private volatile State _state = State.Of(
    [
        new("insula/reader", "built_in", DateTimeOffset.UnixEpoch, Rates.Free),
        new("insula/scripted", "built_in", DateTimeOffset.UnixEpoch, Rates.Free),
    ]);

    /// <summary>Every version, by name and moment.</summary>
    public IReadOnlyList<Price> All => [.. _state.Known
        .OrderBy(static price => price.Name, StringComparer.Ordinal).ThenBy(static price => price.From).ThenBy(static price => price.SetAt)];

    /// <summary>
    /// The price of a model, by its whole name, that is in force at <paramref name="at"/>: its own, else the longest
    /// pattern's, else the ceiling for models without a price; null when there is none of these.
    /// </summary>
    public Price? Find(string model, DateTimeOffset at)
    {
        var state = _state;
        if (state.InForce(model, at) is { } own) return own;
        foreach (var (beginning, pattern) in state.Patterns)
        {
            if (model.StartsWith(beginning, StringComparison.Ordinal) && state.InForce(pattern, at) is { } price) return price;
        }

        return state.InForce(Price.Unpriced, at);
    }

    /// <summary>The price of another good: of this kind of it, else of the good at large; null when it costs nothing.</summary>
    public Price? FindGood(string good, string kind, DateTimeOffset at) => _state.InForce($"{good}.{kind}", at) ?? _state.InForce(good, at);

    internal Result<Done> ReadFile(string path)
    {
        if (PriceFile.Read(path).Failed(out var fault, out var prices)) return fault;
        Put(prices);
        return default(Done);
    }

    /// <summary>Adds the versions that are not known yet.</summary>
    internal void Put(IReadOnlyList<Price> prices)
    {
        lock (_changing)
        {
            var known = _state.Known.Select(static price => (price.Name, price.Version)).ToHashSet();
            List<Price> added = [.. prices.Where(price => known.Add((price.Name, price.Version)))];
            if (added.Count > 0) _state = State.Of([.. _state.Known, .. added]);
        }
    }

    private sealed class State
    {
        /// <summary>Newest first.</summary>
        private readonly FrozenDictionary<string, Price[]> _versions;

        private State(IReadOnlyList<Price> known)
        {
            Known = known;
            _versions = known.Reverse().GroupBy(static price => price.Name).ToFrozenDictionary(
                static versions => versions.Key,
                static versions => (Price[])[.. versions.OrderByDescending(static price => price.From).ThenByDescending(static price => price.SetAt ?? DateTimeOffset.MinValue)]);
            Patterns = [.. _versions.Keys
                .Where(static name => name.EndsWith('*'))
                .Select(static name => (name[..^1], name))
                .OrderByDescending(static pattern => pattern.name.Length)];
        }

        public IReadOnlyList<Price> Known { get; }

        /// <summary>Longest first.</summary>
        public IReadOnlyList<(string Beginning, string Name)> Patterns { get; }

        public static State Of(IReadOnlyList<Price> known) => new(known);

        public Price? InForce(string name, DateTimeOffset at)
        {
            if (!_versions.TryGetValue(name, out var versions)) return null;
            foreach (var price in versions)
            {
                if (price.From <= at) return price;
            }

            return null;
        }
    }
}
