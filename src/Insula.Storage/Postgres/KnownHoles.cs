namespace Insula.Storage.Postgres;

/// <summary>
/// Holes of PostgreSQL itself in what Insula builds its walls on: row-level security and roles. Only these; that a version
/// is not named here does not make it one to stay on.
/// </summary>
internal static class KnownHoles
{
    /// <summary>Major versions that are newer than a hole never had it.</summary>
    private static readonly KnownHole[] All =
    [
        new("CVE-2025-8713", "statistics tell of rows that policies hide", [new(15, 14), new(16, 10), new(17, 6)]),
        new("CVE-2024-10978", "a role that was set may be reset to a wrong one", [new(15, 9), new(16, 5), new(17, 1)]),
        new("CVE-2024-10976", "policies below sub-queries disregard a change of role", [new(15, 9), new(16, 5), new(17, 1)]),
        new("CVE-2024-4317", "extended statistics show values to everybody", [new(15, 7), new(16, 3)]),
        new("CVE-2023-39418", "MERGE passes over policies", [new(15, 4)]),
        new("CVE-2023-2455", "policies of inlined functions disregard a change of role", [new(15, 3)]),
    ];

    /// <summary>The holes that this version has.</summary>
    public static IReadOnlyList<KnownHole> Of(Version version) => [.. All.Where(hole => hole.Fixes.Any(fix => fix.Major == version.Major && fix.Minor > version.Minor))];
}

/// <param name="Fixes">The first minor version without it, of each major version that had it.</param>
internal sealed record KnownHole(string Cve, string What, IReadOnlyList<Version> Fixes)
{
    public Version FixIn(int major) => Fixes.Single(fix => fix.Major == major);
}
