using Insula.Agents.Input;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.RateLimits;

namespace Insula.Server.Endpoints;

/// <summary>A tenant's members, for its administrators; a member's key may look at the member.</summary>
internal static class MemberEndpoints
{
    private const string Noun = "member";

    public static void MapMembers(this IEndpointRouteBuilder routes)
    {
        var members = routes.MapGroup("/api/v1/members").WithTags("members");
        members.MapPost("", AddAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Takes<AddMemberRequest>().Gives<MemberView>(StatusCodes.Status201Created).WithName("add_member").WithSummary("Add a person, for whom keys can be made then");
        members.MapGet("", ListAsync).RequireTenant(Permissions.Admin, CallClass.Reads)
            .Paged(new("role", "owner, admin, member or viewer: members of this role."), new("removed", "true: removed members too."))
            .Gives<PageView<MemberView>>().WithName("list_members").WithSummary("List members, newest first");

        // No scope is needed to look at oneself; the use case asks for admin on every other member.
        members.MapGet("{id}", ShowAsync).RequireTenant(Permissions.None, CallClass.Reads)
            .Gives<MemberView>().WithName("get_member").WithSummary("Show a member, a removed one too");
        members.MapPatch("{id}", UpdateAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Takes<UpdateMemberRequest>().Gives<MemberView>().WithName("update_member").WithSummary("Change a member's name, role or limits; a role is in force at once");
        members.MapDelete("{id}", RemoveAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Gives<MemberView>().WithName("remove_member").WithSummary("Remove a member and end all its keys at once");
    }

    private static async Task<IResult> AddAsync(HttpContext http, AddMember add, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<AddMemberRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

        var added = await add.RunAsync(http.TenantScope(), new MemberRequest(body.Name, body.Email, body.Role, body.Limits), ct);
        return Answers.Of(added, member => Answers.Created(MemberView.Of(member)));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListMembers list, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);
        if (FilterOf(http.Request.Query).Failed(out fault, out var filter)) return Answers.Of(fault);
        return Answers.Of(await list.RunAsync(http.TenantScope(), filter, page, ct), members => Answers.Listed(members, MemberView.Of));
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowMember show, CancellationToken ct) => RouteIds.Find<Member>(id, Noun).Failed(out var fault, out var member)
        ? Answers.Of(fault)
        : Shown(await show.RunAsync(http.TenantScope(), member, ct));

    private static async Task<IResult> UpdateAsync(HttpContext http, string id, UpdateMember update, CancellationToken ct)
    {
        if (RouteIds.Find<Member>(id, Noun).Failed(out var fault, out var member)) return Answers.Of(fault);
        if ((await http.ReadBodyAsync<UpdateMemberRequest>(ApiJson.Options, ct)).Failed(out fault, out var body)) return Answers.Of(fault);
        return Shown(await update.RunAsync(http.TenantScope(), member, new MemberChange(body.Name, body.Role, body.Limits.IsGiven, body.Limits.Value), ct));
    }

    private static async Task<IResult> RemoveAsync(HttpContext http, string id, RemoveMember remove, CancellationToken ct) => RouteIds.Find<Member>(id, Noun).Failed(out var fault, out var member)
        ? Answers.Of(fault)
        : Shown(await remove.RunAsync(http.TenantScope(), member, ct));

    private static IResult Shown(Result<Member> member) => Answers.Of(member, static shown => Answers.Ok(MemberView.Of(shown)));

    private static Result<MemberFilter> FilterOf(IQueryCollection query)
    {
        MemberRole? role = null;
        if (query.TryGetValue("role", out var roles))
        {
            role = roles is [{ } name] ? MemberRoles.Find(name) : null;
            if (role is null) return Fault.Invalid("role", $"role must be one of {string.Join(", ", MemberRoles.Names)}, once.");
        }

        var removed = false;
        if (query.TryGetValue("removed", out var shown))
        {
            if (shown is not ["true" or "false"]) return Fault.Invalid("removed", "removed must be true or false, once.");
            removed = shown[0] == "true";
        }

        return new MemberFilter(role, removed);
    }
}

/// <param name="Name">1 to 100 characters, for people.</param>
/// <param name="Email">At most 254 characters; kept in lower case. No other member of the tenant may have it.</param>
/// <param name="Role">What the member's keys may do: <c>viewer</c> read, <c>member</c> read and write, <c>admin</c> everything but owners, <c>owner</c> everything.</param>
/// <param name="Limits">Rates of all the member's keys together, below the tenant's.</param>
internal sealed record AddMemberRequest(string Name, string? Email = null, MemberRole Role = MemberRole.Member, CallerLimits? Limits = null);

/// <summary>What to change; what is left out stays.</summary>
/// <param name="Name">1 to 100 characters, for people.</param>
internal sealed record UpdateMemberRequest(string? Name = null, MemberRole? Role = null)
{
    /// <summary>All rates anew; null for none.</summary>
    public Change<CallerLimits?> Limits { get; init; }
}

/// <param name="Limits">Rates of all the member's keys together, below the tenant's; null for none.</param>
/// <param name="RemovedAt">Since when it is gone, with its keys; null while it is there.</param>
internal sealed record MemberView(Id<Member> Id, string Name, string? Email, MemberRole Role, DateTimeOffset CreatedAt, DateTimeOffset? RemovedAt, CallerLimits? Limits)
{
    public static MemberView Of(Member member) => new(member.Id, member.Name, member.Email, member.Role, member.CreatedAt, member.RemovedAt, member.Limits);
}
