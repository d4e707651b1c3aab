using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Access;

/// <summary>
/// Replaces a key by one with the same name, scopes, expiry and member. Both are in force during the overlap, so that whoever
/// uses the old one can change over; rotation neither adds rights nor outlives the expiry that the key was given.
/// It takes the admin scope and every scope of the key: the caller gets to see the new text.
/// </summary>
public sealed class RotateApiKey(IApiKeyStore store, IMemberStore members, KeyMint mint, AccessInForce inForce, TimeProvider time)
{
    public static readonly TimeSpan OverlapDefault = TimeSpan.FromHours(24);
    public static readonly TimeSpan OverlapMax = TimeSpan.FromDays(30);

    /// <summary>Faults: Forbidden, <c>owner_needed</c>; NotFound; Invalid <c>overlap_seconds</c>; Conflict <c>key_not_in_force</c>.</summary>
    /// <param name="overlap">How long the old key stays in force; zero ends it now. Null takes <see cref="OverlapDefault"/>.</param>
    public async Task<Result<CreatedApiKey>> RunAsync(TenantScope scope, Id<ApiKey> id, TimeSpan? overlap, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (overlap < TimeSpan.Zero || overlap > OverlapMax)
        {
            return Fault.Invalid("overlap_seconds", $"overlap_seconds must be from 0 to {OverlapMax.TotalSeconds}.");
        }

        if (await store.FindAsync(scope, id, ct) is not { } old) return Fault.NotFound("key");

        var now = time.NowInMicroseconds();
        if (old.RevokedAt is not null || old.RotatedTo is not null || old.ExpiresAt <= now) return NotInForce();
        var member = old.Member is { } whose ? await members.FindAsync(scope, whose, ct) : null;
        if (mint.MakeSuccessor(scope, old, member).Failed(out var fault, out var successor)) return fault;

        var ends = now + (overlap ?? OverlapDefault);
        if (old.ExpiresAt < ends) ends = old.ExpiresAt.Value;
        var record = new AuditRecord(scope.Tenant, scope.Principal, "key.rotate", id.ToString(), $"to {successor.Key.Id}", now);

        // From here on nothing cancels: a key that is rotated in the store must be dropped from memory.
        if (!await store.RotateAsync(scope, id, successor.Key, ends, record, CancellationToken.None)) return NotInForce();
        if (ends <= now) inForce.KeyEnded(scope.Tenant, id);
        else inForce.KeyChanged(scope.Tenant, id);
        return successor;
    }

    private static Fault NotInForce() =>
        Fault.Conflict("key_not_in_force", "This key is revoked, expired or already rotated, so there is nothing to replace. Create a new key instead.");
}
