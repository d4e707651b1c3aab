using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// Turns a credential's text into who is calling. A malformed key or one with a wrong checksum is refused without a
/// store. Unknown, wrong, revoked and expired keys get one refusal by one way through the store, with the same
/// comparison made for each and noise in their time, so neither text nor time tells them apart. A key in force is answered
/// from memory; the use cases that revoke, rotate and suspend drop it there, so they hold from their return on.
/// </summary>
public sealed class Authenticate
{
    /// <summary>The one refusal of every credential that is not in force.</summary>
    public static readonly Fault InvalidKey = new(
        FaultKind.Unauthenticated,
        "invalid_key",
        "The API key is not valid. Send a key that is in force as 'Authorization: Bearer …' or 'x-api-key: …'.");

    // What an unknown handle is compared with; no text has this hash.
    private static readonly byte[] Nobody = new byte[Peppers.HashLength];

    private readonly Peppers _peppers;
    private readonly OperatorKeys _operators;
    private readonly KeyCache _cache;
    private readonly AuthenticationStores _stores;
    private readonly TimeProvider _time;

    internal Authenticate(Peppers peppers, OperatorKeys operators, KeyCache cache, AuthenticationStores stores, TimeProvider time)
    {
        _peppers = peppers;
        _operators = operators;
        _cache = cache;
        _stores = stores;
        _time = time;
    }

    /// <summary>
    /// Checks one credential. Faults: <c>invalid_key</c> (401) and <c>tenant_suspended</c> (403); a store that is away
    /// throws <see cref="FaultException"/>.
    /// </summary>
    public ValueTask<Result<SignedIn>> RunAsync(string credential, CancellationToken ct)
    {
        if (credential.Length is 0 or > Peppers.TextCharsMax) return new(InvalidKey);

        Span<byte> hash = stackalloc byte[Peppers.HashLength];
        _peppers.HashCurrent(credential, hash);
        if (_operators.Find(credential, hash) is { } signedIn) return new(signedIn);
        if (_cache.Find(hash) is { } cached) return AdmitAsync(cached, ct);

        return KeyText.TryParse(credential, out var key) && key.Kind == KeyKind.Tenant
            ? new(LoadAsync(key, hash.ToArray(), ct))
            : new(InvalidKey);
    }

    private async Task<Result<SignedIn>> LoadAsync(KeyText key, byte[] hash, CancellationToken ct)
    {
        var generation = _cache.Generation;
        var found = await _stores.Keys.FindByHandleAsync(key.Handle, ct);
        var row = found?.Key;
        var proved = _peppers.Matches(key.Text.Reveal(), hash, row?.Hash ?? Nobody, row?.PepperVersion ?? _peppers.CurrentVersion);
        if (row is null || !proved || !InForce(row, _time.GetUtcNow()))
        {
            await TimingNoise.WaitAsync(ct);
            return InvalidKey;
        }

        var cached = new CachedKey(row, found?.Member);
        _cache.Keep(hash, cached, generation);
        return await AdmitAsync(cached, ct);
    }

    private ValueTask<Result<SignedIn>> AdmitAsync(CachedKey key, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        if (!InForce(key.Row, now)) return new(InvalidKey);
        if (key.TimeToNote(now, LastUses.Interval)) _stores.LastUses.Note(key.Row.Tenant, key.Row.Id, now);

        var standing = _stores.Tenants.FindAsync(key.Row.Tenant, ct);
        return standing.IsCompletedSuccessfully ? new(Admit(key, standing.Result)) : AwaitedAsync(key, standing);
    }

    private static async ValueTask<Result<SignedIn>> AwaitedAsync(CachedKey key, ValueTask<TenantStanding?> standing) => Admit(key, await standing);

    private static Result<SignedIn> Admit(CachedKey key, TenantStanding? standing)
    {
        if (standing is null) return InvalidKey;
        if (standing.Refusal is { } refusal) return refusal;
        return new SignedInTenant(key.Scope, standing.Tenant, standing.Limits);
    }

    private static bool InForce(ApiKey key, DateTimeOffset now) => key.RevokedAt is null && !(key.ExpiresAt <= now);
}

/// <summary>What <see cref="Authenticate"/> reads from and notes to.</summary>
internal sealed record AuthenticationStores(IApiKeyStore Keys, TenantStandings Tenants, LastUses LastUses);
