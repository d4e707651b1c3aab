using System.Text;
using Insula.Agents.Knowledge;
using Insula.Server.Http;
using Insula.Tenancy.Access;

namespace Insula.Server.Endpoints;

/// <summary>Teaching, asking and forgetting.</summary>
internal static class KnowledgeEndpoints
{
    private const string Noun = "knowledge source";

    /// <summary>Three texts of the largest size, or one whose JSON needs up to three times its bytes in escapes.</summary>
    private const long LearnBodyBytesMax = 3 * BodyLimit.LearnTextBytes;

    public static void MapKnowledge(this IEndpointRouteBuilder routes)
    {
        var knowledge = routes.MapGroup("/api/v1/knowledge").WithTags("knowledge");
        knowledge.MapPost("learn", LearnAsync).RequireTenant(Permissions.Write, CallClass.Learn).LimitBody(LearnBodyBytesMax)
            .Takes<LearnRequest>().Gives<LearnedView>(StatusCodes.Status201Created).Gives<LearnedView>().WithName("learn")
            .WithSummary("Learn a text, or the files of a multipart/form-data body; 200 when it was known");
        knowledge.MapPost("query", QueryAsync).RequireTenant(Permissions.Read, CallClass.Reason)
            .Takes<QueryRequest>().Gives<AnswerView>().WithName("query_knowledge").WithSummary("Ask what was learned; the answer quotes its sources");
        knowledge.MapGet("sources", ListAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Paged().Gives<PageView<SourceView>>().WithName("list_sources").WithSummary("List what was learned, newest first");
        knowledge.MapGet("sources/{id}", ShowAsync).RequireTenant(Permissions.Read, CallClass.Reads)
            .Gives<SourceView>().WithName("get_source").WithSummary("Show a source");
        knowledge.MapDelete("sources/{id}", ForgetAsync).RequireTenant(Permissions.Write, CallClass.Requests)
            .Gives<ForgottenView>().WithName("forget_source").WithSummary("Forget a source and all that was learned from it");
    }

    private static async Task<IResult> LearnAsync(HttpContext http, LearnText learn, UploadRoom room, CancellationToken ct)
    {
        var scope = http.TenantScope();
        if (room.Enter(scope.Tenant, Math.Clamp(http.Request.ContentLength ?? LearnBodyBytesMax, 1, LearnBodyBytesMax)).Failed(out var full, out var place)) return Answers.Of(full);

        using (place)
        {
            if (LearnForm.IsForm(http.Request.ContentType)) return await LearnFilesAsync(http, learn, ct);
            if ((await http.ReadBodyAsync<LearnRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);

            var text = new TextToLearn(body.Source, Encoding.UTF8.GetBytes(body.Text), null, body.Metadata ?? new Dictionary<string, string>());
            return Answers.Of(await learn.LearnAsync(scope, text, ct), learned => learned.IsNew ? Answers.Created(LearnedView.Of(learned)) : Answers.Ok(LearnedView.Of(learned)));
        }
    }

    /// <summary>Learns file by file. When one is refused those before it stay learned; sending all of them again changes nothing about those.</summary>
    private static async Task<IResult> LearnFilesAsync(HttpContext http, LearnText learn, CancellationToken ct)
    {
        if ((await LearnForm.ReadAsync(http, ct)).Failed(out var fault, out var texts)) return Answers.Of(fault);

        var views = new List<LearnedView>(texts.Count);
        foreach (var text in texts)
        {
            if ((await learn.LearnAsync(http.TenantScope(), text, ct)).Failed(out fault, out var learned)) return Answers.Of(fault);
            views.Add(LearnedView.Of(learned));
        }

        var page = new PageView<LearnedView>(views, NextPage: null);
        return views.Exists(static view => view.Created) ? Answers.Created(page) : Answers.Ok(page);
    }

    private static async Task<IResult> QueryAsync(HttpContext http, QueryKnowledge query, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<QueryRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);
        return Answers.Of(await query.QueryAsync(http.TenantScope(), body.Query, body.Limit, ct), answer => Answers.Ok(AnswerView.Of(answer)));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ListSources list, CancellationToken ct)
    {
        if (PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)) return Answers.Of(fault);
        return Answers.Listed(await list.ListAsync(http.TenantScope(), page, ct), SourceView.Of);
    }

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ShowSource show, CancellationToken ct)
    {
        if (RouteIds.Find<KnowledgeSource>(id, Noun).Failed(out var fault, out var source)) return Answers.Of(fault);
        return Answers.Of(await show.ShowAsync(http.TenantScope(), source, ct), shown => Answers.Ok(SourceView.Of(shown)));
    }

    private static async Task<IResult> ForgetAsync(HttpContext http, string id, ForgetSource forget, CancellationToken ct)
    {
        if (RouteIds.Find<KnowledgeSource>(id, Noun).Failed(out var fault, out var source)) return Answers.Of(fault);
        return Answers.Of(await forget.ForgetAsync(http.TenantScope(), source, ct), _ => Answers.Ok(new ForgottenView(source.ToString(), Deleted: true)));
    }
}
