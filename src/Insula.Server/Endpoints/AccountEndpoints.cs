using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>Signing up, and asking who one is.</summary>
internal static class AccountEndpoints
{
    // One address behind a company's gateway may stand for many people, so this stops a flood and not a class of students.
    private const int SignUpsPerMinute = 120;

    public static void MapAccount(this IEndpointRouteBuilder routes)
    {
        var account = routes.MapGroup("/api/v1").WithTags("account");

        // Open because a stranger has no key yet; the use case refuses while sign-up is closed.
        account.MapPost("signup", SignUpAsync).AllowAnonymousCaller().WithMetadata(new AddressLimit(SignUpsPerMinute))
            .Takes<SignUpRequest>().Gives<CreatedTenantView>(StatusCodes.Status201Created).WithName("sign_up").WithSummary("Make a tenant of one's own on the free plan");
        account.MapGet("me", Me).RequireAnyone(Permissions.None, CallClass.Reads)
            .Gives<MeView>().WithName("get_me").WithSummary("Who the key acts for, and what it may do");
    }

    private static async Task<IResult> SignUpAsync(HttpContext http, SignUp signUp, PlanCatalog plans, TimeProvider time, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<SignUpRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

        var created = await signUp.RunAsync(body.Name, body.Email, ct);
        return Answers.Of(created, made => Answers.Created(CreatedTenantView.Of(made, plans.LimitsOf(made.Tenant, time.GetUtcNow()))));
    }

    private static IResult Me(HttpContext http) => Answers.Ok(http.Caller() switch
    {
        SignedInTenant caller => new MeView(
            "tenant", caller.Scope.Principal.Name, PermissionNames.Of(caller.Scope.Permissions), TenantView.Of(caller.Tenant, caller.Limits), MeMemberView.Of(caller.Scope.Member)),
        _ => new MeView("operator", http.OperatorScope().Principal.Name, [], null, null),
    });
}

/// <param name="Name">The tenant's name, 1 to 200 characters of any script.</param>
/// <param name="Email">Where the operator can reach its owner.</param>
internal sealed record SignUpRequest(string Name, string Email);

/// <param name="Kind"><c>tenant</c> or <c>operator</c>.</param>
/// <param name="Key">The id of the tenant's key, or the handle of the operator's.</param>
/// <param name="Scopes">What the key may do inside its tenant now, cut by its member's role; empty for an operator.</param>
/// <param name="Tenant">Null for an operator.</param>
/// <param name="Member">Whose key it is; null for nobody's.</param>
internal sealed record MeView(string Kind, string Key, IReadOnlyList<string> Scopes, TenantView? Tenant, MeMemberView? Member);

/// <summary>The member whose key asks.</summary>
internal sealed record MeMemberView(Id<Member> Id, string Name, MemberRole Role)
{
    public static MeMemberView? Of(Member? member) => member is null ? null : new(member.Id, member.Name, member.Role);
}
