using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.RateLimits;

namespace Insula.Server.Endpoints;

/// <summary>A tenant's keys, for its administrators; every key may look at itself and end itself.</summary>
internal static class KeyEndpoints
{
    private const string Noun = "key";

    public static void MapKeys(this IEndpointRouteBuilder routes)
    {
        var keys = routes.MapGroup("/api/v1/keys").WithTags("keys");
        keys.MapPost("", CreateAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Takes<CreateKeyRequest>().Gives<CreatedKeyView>(StatusCodes.Status201Created).WithName("create_key").WithSummary("Create a key; its secret is shown this once");
        keys.MapGet("", ListAsync).RequireTenant(Permissions.Admin, CallClass.Reads)
            .Paged(new QueryDoc("member", "Keys of the member of this id.")).Gives<PageView<KeyView>>().WithName("list_keys").WithSummary("List keys, newest first");

        // No scope is needed to look at oneself or to end oneself; the use case asks for admin on every other key.
        keys.MapGet("{id}", ShowAsync).RequireTenant(Permissions.None, CallClass.Reads)
            .Gives<KeyView>().WithName("get_key").WithSummary("Show a key");
        keys.MapDelete("{id}", RevokeAsync).RequireTenant(Permissions.None, CallClass.Requests)
            .Gives<KeyView>().WithName("revoke_key").WithSummary("Revoke a key, in force at once");
        keys.MapPost("{id}/rotate", RotateAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .MayTake<RotateKeyRequest>().Gives<CreatedKeyView>(StatusCodes.Status201Created).WithName("rotate_key").WithSummary("Replace a key; the old one stays in force for the overlap");
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateApiKey create, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<CreateKeyRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

        if (body.ToRequest().Failed(out fault, out var request)) return Answers.Of(fault);

        var created = await create.RunAsync(http.TenantScope(), request, ct);
        return Answers.Of(created, key => Answers.Created(CreatedKeyView.Of(key)));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListApiKeys list, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);
        if (MemberOf(http.Request.Query).Failed(out fault, out var member) && fault is not null) return Answers.Of(fault);
        return Answers.Of(await list.RunAsync(http.TenantScope(), member, page, ct), keys => Answers.Listed(keys, KeyView.Of));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowApiKey show, CancellationToken ct)
    {
        if (RouteIds.Find<ApiKey>(id, Noun).Failed(out var fault, out var key)) return Answers.Of(fault);
        return Answers.Of(await show.RunAsync(http.TenantScope(), key, ct), shown => Answers.Ok(KeyView.Of(shown)));
    }

    private static async Task<IResult> RevokeAsync(HttpContext http, string id, RevokeApiKey revoke, CancellationToken ct)
    {
        if (RouteIds.Find<ApiKey>(id, Noun).Failed(out var fault, out var key)) return Answers.Of(fault);
        return Answers.Of(await revoke.RunAsync(http.TenantScope(), key, ct), revoked => Answers.Ok(KeyView.Of(revoked)));
    }

    private static async Task<IResult> RotateAsync(HttpContext http, string id, RotateApiKey rotate, CancellationToken ct)
    {
        if (RouteIds.Find<ApiKey>(id, Noun).Failed(out var fault, out var key)) return Answers.Of(fault);
        var read = await http.ReadOptionalBodyAsync<RotateKeyRequest>(ApiJson.Options, ct);
        if (read.Fault is { } unread) return Answers.Of(unread);

        TimeSpan? overlap = read.Value?.OverlapSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        return Answers.Of(await rotate.RunAsync(http.TenantScope(), key, overlap, ct), successor => Answers.Created(CreatedKeyView.Of(successor)));
    }

    private static Result<Id<Member>?> MemberOf(IQueryCollection query)
    {
        if (!query.TryGetValue("member", out var members)) return (Id<Member>?)null;
        return members is [{ } one] && Id<Member>.TryParse(one, out var id) ? (Id<Member>?)id : Fault.Invalid("member", "member must be the id of a member, mbr_…, once.");
    }
}

/// <param name="Name">1 to 100 characters, for people.</param>
/// <param name="Scopes">Any of <c>read</c>, <c>write</c>, <c>admin</c>, none beyond the maker's and the member's role; read and write when left out, as far as the role allows them.</param>
/// <param name="ExpiresAt">In the future; without it the key lasts until it is revoked.</param>
/// <param name="Limits">Rates of this key below the tenant's; a call has to keep both.</param>
/// <param name="Member">Id of the member whose key it is, for good; nobody's when left out.</param>
internal sealed record CreateKeyRequest(string Name, IReadOnlyList<string>? Scopes = null, DateTimeOffset? ExpiresAt = null, CallerLimits? Limits = null, string? Member = null)
{
    /// <summary>Text that is no id is refused as an id that nobody has.</summary>
    public Result<ApiKeyRequest> ToRequest()
    {
        if (Member is null) return new ApiKeyRequest(Name, Scopes, ExpiresAt, Limits);
        return Id<Member>.TryParse(Member, out var member) ? new ApiKeyRequest(Name, Scopes, ExpiresAt, Limits, member) : MemberFaults.Unknown;
    }
}

/// <param name="OverlapSeconds">How long the old key stays in force: 0 to 2592000 (30 days), 86400 (24 hours) when left out.</param>
internal sealed record RotateKeyRequest(int? OverlapSeconds = null);

/// <summary>A key as the API shows it, without its text.</summary>
/// <param name="RotatedTo">The key that replaces this one.</param>
/// <param name="Limits">Rates of this key below the tenant's; null for none.</param>
/// <param name="Member">Whose key it is; null for nobody's.</param>
internal sealed record KeyView(
    Id<ApiKey> Id,
    string Name,
    IReadOnlyList<string> Scopes,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt,
    DateTimeOffset? LastUsedAt,
    Id<ApiKey>? RotatedTo,
    CallerLimits? Limits,
    Id<Member>? Member)
{
    public static KeyView Of(ApiKey key) =>
        new(key.Id, key.Name, PermissionNames.Of(key.Permissions), key.CreatedAt, key.ExpiresAt, key.RevokedAt, key.LastUsedAt, key.RotatedTo, key.Limits, key.Member);
}

/// <summary>A new key with its text.</summary>
/// <param name="Secret">The key's text. It is shown this once and stored nowhere.</param>
internal sealed record CreatedKeyView(
    Id<ApiKey> Id,
    string Secret,
    string Name,
    IReadOnlyList<string> Scopes,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    CallerLimits? Limits,
    Id<Member>? Member)
{
    public static CreatedKeyView Of(CreatedApiKey created) => new(
        created.Key.Id, created.Secret.Reveal(), created.Key.Name, PermissionNames.Of(created.Key.Permissions), created.Key.CreatedAt, created.Key.ExpiresAt,
        created.Key.Limits, created.Key.Member);
}
