using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class MemberStore(ControlDatabase control) : IMemberStore
{
    public Task<Result<Done>> AddAsync(TenantScope scope, Member member, int membersMax, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, member);
        return control.For(scope.Tenant).WriteAsync<Result<Done>>(
            async link =>
            {
                // The quota and the emails are rules over all members, who are few enough to count.
                link.Alone($"members {scope.Tenant}");
                var used = await CountAsync(link, scope.Tenant);
                if (used >= membersMax) return QuotaFaults.Full("members", used, membersMax, "Remove one who is gone");
                if (member.Email is { } email && await link.FirstAsync(MemberSql.FindByEmail, static _ => true, ("@tenant_id", scope.Tenant.ToString()), ("@email", email))) return MemberFaults.EmailTaken;
                link.Post(
                    MemberSql.Insert,
                    ("@tenant_id", member.Tenant.ToString()),
                    ("@member_id", member.Id.ToString()),
                    ("@name", member.Name),
                    ("@email", member.Email),
                    ("@role", Rows.ToName(member.Role)),
                    ("@limits", LimitsOf(member)),
                    ("@created_at", Instant.ToNumber(member.CreatedAt)));
                AuditLog.Append(link, record);
                return new Done();
            },
            ct);
    }

    public Task<long> CountAsync(Id<Tenant> tenant, CancellationToken ct) => control.For(tenant).ReadAsync(link => CountAsync(link, tenant), ct);

    public Task<Member?> FindAsync(TenantScope scope, Id<Member> id, CancellationToken ct) =>
        control.For(scope.Tenant).FirstAsync(MemberSql.Find, static row => Read(row, 0), ct, Of(scope.Tenant, id));

    public async Task<Page<Member>> ListAsync(TenantScope scope, MemberFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"members {scope.Tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await control.For(scope.Tenant).AllAsync(
            MemberSql.List,
            static row => Read(row, 0),
            ct,
            ("@tenant_id", scope.Tenant.ToString()),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@role", filter.Role is { } role ? Rows.ToName(role) : null),
            ("@removed", filter.Removed ? 1 : 0),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public Task<bool> ReplaceAsync(TenantScope scope, Member expected, Member changed, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, expected);
        if (changed.Id != expected.Id) throw new ArgumentException("A member cannot be replaced by another.", nameof(changed));
        return control.For(scope.Tenant).WriteAsync(
            async link =>
            {
                if (await link.LockAsync(MemberSql.Find, static row => Read(row, 0), Of(scope.Tenant, expected.Id)) != expected) return false;
                link.Post(
                    MemberSql.Update,
                    ("@tenant_id", scope.Tenant.ToString()),
                    ("@member_id", expected.Id.ToString()),
                    ("@name", changed.Name),
                    ("@role", Rows.ToName(changed.Role)),
                    ("@limits", LimitsOf(changed)));
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    public Task<IReadOnlyList<Id<ApiKey>>?> RemoveAsync(TenantScope scope, Member expected, DateTimeOffset at, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, expected);
        return control.For(scope.Tenant).WriteAsync<IReadOnlyList<Id<ApiKey>>?>(
            async link =>
            {
                // A key that is made for the member at this moment is here already, or is refused.
                link.Alone(ApiKeyStore.Rule(scope.Tenant));
                if (await link.LockAsync(MemberSql.Find, static row => Read(row, 0), Of(scope.Tenant, expected.Id)) != expected) return null;
                link.Post(MemberSql.Remove, ("@tenant_id", scope.Tenant.ToString()), ("@member_id", expected.Id.ToString()), ("@at", Instant.ToNumber(at)));
                var ended = await link.AllAsync(
                    ApiKeySql.RevokeOfMember, static row => row.Id<ApiKey>(0), ("@tenant_id", scope.Tenant.ToString()), ("@member_id", expected.Id.ToString()), ("@at", Instant.ToNumber(at)));
                AuditLog.Append(link, record);
                return ended;
            },
            ct);
    }

    /// <summary>Whether keys may be made for the member. Only under <see cref="ApiKeyStore.Rule"/>.</summary>
    public static async ValueTask<bool> IsPresentAsync(Link link, Id<Tenant> tenant, Id<Member> member) => await link.FirstAsync(MemberSql.FindPresent, static _ => true, Of(tenant, member));

    /// <summary>A member from the columns that begin at <paramref name="first"/>.</summary>
    public static Member Read(DbDataReader row, int first) => new(
        row.Id<Member>(first),
        row.Id<Tenant>(first + 1),
        row.GetString(first + 2),
        row.TextOrNull(first + 3),
        row.Name<MemberRole>(first + 4),
        row.Moment(first + 6),
        row.MomentOrNull(first + 7))
    {
        Limits = row.IsDBNull(first + 5) ? null : row.Json<CallerLimits>(first + 5),
    };

    private static ValueTask<long> CountAsync(Link link, Id<Tenant> tenant) => link.FirstAsync(MemberSql.Count, static row => row.GetInt64(0), ("@tenant_id", tenant.ToString()));

    private static string? LimitsOf(Member member) => member.Limits is { } limits ? Rows.ToJson(limits) : null;

    private static (string Name, object? Value)[] Of(Id<Tenant> tenant, Id<Member> member) => [("@tenant_id", tenant.ToString()), ("@member_id", member.ToString())];

    private static void RefuseForeign(TenantScope scope, Member member)
    {
        if (member.Tenant != scope.Tenant) throw new ArgumentException("The member belongs to another tenant than the scope.", nameof(member));
    }
}
