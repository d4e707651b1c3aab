using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Insula.Tenancy.Placements;

/// <summary>
/// Weighted rendezvous hashing: every server draws a number for the key, and the highest wins. Nothing is remembered, the
/// draw of a server does not depend on the others, and so a server that is added takes only the keys that it wins, and one
/// that is removed gives up only its own. The draw is D. Thaler and C. Ravishankar, "A Name-Based Mapping Scheme for
/// Rendezvous" (CSE-TR-316-96, 1996); the weights are the logarithmic method of C. Schindelhauer and G. Schomaker,
/// "Weighted Distributed Hash Tables" (SPAA 2005): -weight / ln(u) with u uniform in (0, 1) wins in proportion to weight.
/// </summary>
internal static class Rendezvous
{
    private const int UniformBits = 52;

    /// <param name="servers">By name, so that the order of the settings cannot decide a draw of equal numbers.</param>
    public static string Choose(string key, IReadOnlyList<StoreServer> servers)
    {
        var (winner, highest) = ("", double.NegativeInfinity);
        foreach (var server in servers)
        {
            var score = server.Weight / -Math.Log(Uniform(server.Name, key));
            if (score > highest) (winner, highest) = (server.Name, score);
        }

        return winner;
    }

    /// <summary>Half a step off either end: 52 bits and the half fit a double exactly, so it is never 0 or 1.</summary>
    private static double Uniform(string server, string key)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{server}\n{key}"));
        return ((BinaryPrimitives.ReadUInt64BigEndian(hash) >> (64 - UniformBits)) + 0.5) / (1L << UniformBits);
    }
}
