namespace Insula.Tenancy.Wording;

/// <summary>Finds the known name that a mistyped one most likely meant.</summary>
public static class NearestName
{
    /// <summary>The closest of <paramref name="known"/> by edit distance, or null when none is close enough to suggest.</summary>
    public static string? Of(string unknown, IEnumerable<string> known)
    {
        var nearest = known
            .Select(name => (Name: name, Distance: Distance(unknown.ToUpperInvariant(), name.ToUpperInvariant())))
            .OrderBy(static candidate => candidate.Distance)
            .ThenBy(static candidate => candidate.Name, StringComparer.Ordinal)
            .FirstOrDefault();
        return nearest.Name is not null && nearest.Distance <= Math.Max(2, nearest.Name.Length / 3) ? nearest.Name : null;
    }

    /// <summary>A sentence to end a refusal with: the nearest name, or all of them.</summary>
    public static string Suggest(string unknown, IReadOnlyCollection<string> known) =>
        Of(unknown, known) is { } nearest ? $"Did you mean '{nearest}'?" : $"Known are: {string.Join(", ", known)}.";

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
