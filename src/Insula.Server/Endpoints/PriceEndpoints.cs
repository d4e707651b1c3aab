using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Prices;

namespace Insula.Server.Endpoints;

/// <summary>The prices: anyone signed in may look, the operator adds versions.</summary>
internal static class PriceEndpoints
{
    public static void MapPrices(this IEndpointRouteBuilder routes)
    {
        var prices = routes.MapGroup("/api/v1/prices").WithTags("prices");
        prices.MapGet("", List).RequireAnyone(Permissions.Read, CallClass.Reads)
            .Gives<PageView<PriceView>>().WithName("list_prices").WithSummary("List every version of every price, by name and moment; the list has one page");
        prices.MapPut("", PutAsync).RequireOperator()
            .Takes<PutPriceRequest>().Gives<PriceView>().WithName("put_price").WithSummary("Add a version of a price; what was used before keeps its cost");
    }

    private static IResult List(ListPrices list) => Answers.Listed(new Page<Price>(list.Run(), null), PriceView.Of);

    private static async Task<IResult> PutAsync(HttpContext http, PutPrice put, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<PutPriceRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);
        return Answers.Of(await put.RunAsync(http.OperatorScope(), body.ToChange(), ct), saved => Answers.Ok(PriceView.Of(saved)));
    }
}

/// <param name="Name">provider/model, with * at its end for every model that begins so; or tool_call, sandbox_second, gb_day, gb_egress, each also with a kind behind a point; or unpriced.</param>
/// <param name="From">In force from then on; at once when left out.</param>
/// <param name="InputMicros">Micro-dollars for a million tokens, as the other rates of tokens.</param>
/// <param name="CacheReadMicros">As input when left out.</param>
/// <param name="CacheWriteMicros">As input when left out.</param>
/// <param name="ReasoningMicros">As output when left out.</param>
/// <param name="PerRequestMicros">Micro-dollars for each request.</param>
/// <param name="EachMicros">Micro-dollars for a million of a good that is no model.</param>
/// <param name="Ceiling">Not the price but the most that it may be: usage counts as if it were the price.</param>
internal sealed record PutPriceRequest(
    string Name,
    DateTimeOffset? From = null,
    long InputMicros = 0,
    long OutputMicros = 0,
    long? CacheReadMicros = null,
    long? CacheWriteMicros = null,
    long? ReasoningMicros = null,
    long PerRequestMicros = 0,
    long EachMicros = 0,
    bool Ceiling = false)
{
    public PriceChange ToChange() => new(
        Name, From, new Rates(InputMicros, OutputMicros, CacheReadMicros, CacheWriteMicros, ReasoningMicros, PerRequestMicros, EachMicros), Ceiling);
}

/// <param name="Version">What usage rows name it by.</param>
/// <param name="SetAt">When it was put by API; null for one of a file or a built-in one.</param>
internal sealed record PriceView(
    string Name,
    string Version,
    DateTimeOffset From,
    long InputMicros,
    long OutputMicros,
    long? CacheReadMicros,
    long? CacheWriteMicros,
    long? ReasoningMicros,
    long PerRequestMicros,
    long EachMicros,
    bool Ceiling,
    DateTimeOffset? SetAt)
{
    public static PriceView Of(Price price) => new(
        price.Name,
        price.Version,
        price.From,
        price.Rates.Input,
        price.Rates.Output,
        price.Rates.CacheRead,
        price.Rates.CacheWrite,
        price.Rates.Reasoning,
        price.Rates.PerRequest,
        price.Rates.Each,
        price.Ceiling,
        price.SetAt);
}
