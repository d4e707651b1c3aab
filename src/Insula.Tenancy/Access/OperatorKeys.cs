using System.Security.Cryptography;

namespace Insula.Tenancy.Access;

/// <summary>
/// The operator keys in force, in memory. A key from the settings stands alone: those in the store, made on a first
/// start, are then not in force, so that setting one ends a lost one. Opened once by <see cref="StartTenancy"/>.
/// </summary>
internal sealed class OperatorKeys(Peppers peppers)
{
    public const int GivenCharsMin = 24;

    private static readonly SignedInOperator FromSettings = new(new OperatorScope("settings"));

    private byte[]? _given;
    private IReadOnlyList<OperatorKey> _stored = [];

    public void Open(Secret? given, IReadOnlyList<OperatorKey> stored)
    {
        _given = given is null ? null : peppers.Hash(given.Reveal());
        _stored = given is null ? stored : [];
    }

    /// <summary>The operator whom this credential proves; compares with every key in force, in constant time each.</summary>
    /// <param name="hash">The text's hash under the current pepper.</param>
    public SignedInOperator? Find(string text, ReadOnlySpan<byte> hash)
    {
        if (_given is not null) return CryptographicOperations.FixedTimeEquals(hash, _given) ? FromSettings : null;

        SignedInOperator? found = null;
        foreach (var key in _stored)
        {
            if (peppers.Matches(text, hash, key.Hash, key.PepperVersion)) found = new(new OperatorScope(key.Handle));
        }

        return found;
    }
}
