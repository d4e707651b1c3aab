using System.Security.Cryptography;

namespace Insula.Tenancy.Access;

/// <summary>
/// Hides in random waiting the microseconds by which one refusal costs more than another: a store that finds a row takes
/// a little longer than one that finds none, whatever we do after. The waiting is real time, since real time is what an
/// attacker measures; it holds no thread.
/// </summary>
internal static class TimingNoise
{
    private const int MillisecondsMax = 10;

    public static Task WaitAsync(CancellationToken ct) =>
        Task.Delay(TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(1, MillisecondsMax + 1)), TimeProvider.System, ct);
}
