using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Webhooks;

namespace Insula.Server.Endpoints;

/// <summary>A tenant's webhooks, for its administrators.</summary>
internal static class WebhookEndpoints
{
    private const string Noun = "webhook";

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/api/v1/webhooks").WithTags("webhooks");
        webhooks.MapPost("", CreateAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Takes<CreateWebhookRequest>().Gives<CreatedWebhookView>(StatusCodes.Status201Created).WithName("create_webhook").WithSummary("Have events told to an address; the secret is shown once");
        webhooks.MapGet("", ListAsync).RequireTenant(Permissions.Admin, CallClass.Reads)
            .Paged().Gives<PageView<WebhookView>>().WithName("list_webhooks").WithSummary("List webhooks, newest first");
        webhooks.MapGet("{id}", ShowAsync).RequireTenant(Permissions.Admin, CallClass.Reads).Gives<WebhookView>().WithName("get_webhook").WithSummary("Show a webhook");
        webhooks.MapDelete("{id}", DeleteAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Produces(StatusCodes.Status204NoContent).WithName("delete_webhook").WithSummary("End a webhook, with what is on its way to it");
        webhooks.MapPost("{id}/enable", EnableAsync).RequireTenant(Permissions.Admin, CallClass.Requests)
            .Gives<WebhookView>().WithName("enable_webhook").WithSummary("Let a webhook receive again that was disabled because it failed for days; what is on its way to it is tried at once");
        webhooks.MapGet("{id}/deliveries", DeliveriesAsync).RequireTenant(Permissions.Admin, CallClass.Reads)
            .Paged().Gives<PageView<DeliveryView>>().WithName("list_webhook_deliveries").WithSummary("List what is and was on its way to a webhook in the last 40 days, newest first");
    }

    private static async Task<IResult> CreateAsync(HttpContext http, CreateWebhook create, CancellationToken ct)
    {
        if ((await http.ReadBodyAsync<CreateWebhookRequest>(ApiJson.Options, ct)).Failed(out var fault, out var body)) return Answers.Of(fault);
        return Answers.Of(await create.RunAsync(http.TenantScope(), body.Url, body.Events, ct), made => Answers.Created(CreatedWebhookView.Of(made)));
    }

    private static async Task<IResult> ListAsync(HttpContext http, ManageWebhooks webhooks, CancellationToken ct) => PageQuery.Read(http.Request.Query).Failed(out var fault, out var page)
        ? Answers.Of(fault)
        : Answers.Of(await webhooks.ListAsync(http.TenantScope(), page, ct), found => Answers.Listed(found, WebhookView.Of));

    private static async Task<IResult> ShowAsync(HttpContext http, string id, ManageWebhooks webhooks, CancellationToken ct) => RouteIds.Find<Webhook>(id, Noun).Failed(out var fault, out var webhook)
        ? Answers.Of(fault)
        : Answers.Of(await webhooks.ShowAsync(http.TenantScope(), webhook, ct), found => Answers.Ok(WebhookView.Of(found)));

    private static async Task<IResult> DeleteAsync(HttpContext http, string id, ManageWebhooks webhooks, CancellationToken ct) => RouteIds.Find<Webhook>(id, Noun).Failed(out var fault, out var webhook)
        ? Answers.Of(fault)
        : Answers.Of(await webhooks.DeleteAsync(http.TenantScope(), webhook, ct), static _ => Results.NoContent());

    private static async Task<IResult> EnableAsync(HttpContext http, string id, ManageWebhooks webhooks, CancellationToken ct) => RouteIds.Find<Webhook>(id, Noun).Failed(out var fault, out var webhook)
        ? Answers.Of(fault)
        : Answers.Of(await webhooks.EnableAsync(http.TenantScope(), webhook, ct), found => Answers.Ok(WebhookView.Of(found)));

    private static async Task<IResult> DeliveriesAsync(HttpContext http, string id, ManageWebhooks webhooks, CancellationToken ct)
    {
        if (RouteIds.Find<Webhook>(id, Noun).Failed(out var fault, out var webhook)) return Answers.Of(fault);
        return PageQuery.Read(http.Request.Query).Failed(out fault, out var page)
            ? Answers.Of(fault)
            : Answers.Of(await webhooks.DeliveriesAsync(http.TenantScope(), webhook, page, ct), found => Answers.Listed(found, DeliveryView.Of));
    }
}

/// <param name="Url">An https address on the public internet.</param>
/// <param name="Events">budget.threshold, budget.exhausted, quota.threshold, run.ended, statement.ready; all when left out.</param>
internal sealed record CreateWebhookRequest(string Url, IReadOnlyList<string>? Events = null);

/// <param name="FailingSince">Since when no delivery arrived; null when the last one did.</param>
/// <param name="DisabledAt">Nothing is sent from then on, because nothing arrived for days.</param>
internal sealed record WebhookView(Id<Webhook> Id, string Url, IReadOnlyList<string> Events, DateTimeOffset CreatedAt, DateTimeOffset? FailingSince, DateTimeOffset? DisabledAt)
{
    public static WebhookView Of(Webhook webhook) => new(webhook.Id, webhook.Url, webhook.Events, webhook.CreatedAt, webhook.FailingSince, webhook.DisabledAt);
}

/// <param name="Secret">For checking signatures by Standard Webhooks; shown this once.</param>
internal sealed record CreatedWebhookView(Id<Webhook> Id, string Url, IReadOnlyList<string> Events, DateTimeOffset CreatedAt, string Secret)
{
    public static CreatedWebhookView Of(CreatedWebhook made) => new(made.Webhook.Id, made.Webhook.Url, made.Webhook.Events, made.Webhook.CreatedAt, made.Secret.Reveal());
}

/// <param name="Id">As in the header <c>webhook-id</c>.</param>
/// <param name="Event">Null for some from before events were noted.</param>
/// <param name="Error">Why the last attempt that failed did; null when none did.</param>
/// <param name="NextAttemptAt">Null when it arrived. While the webhook is disabled nothing is tried.</param>
internal sealed record DeliveryView(string Id, string? Event, DateTimeOffset CreatedAt, int Attempts, string? Error, DateTimeOffset? DeliveredAt, DateTimeOffset? NextAttemptAt)
{
    public static DeliveryView Of(DeliveryStanding delivery) =>
        new(delivery.Id, delivery.Event, delivery.CreatedAt, delivery.Attempts, delivery.Error, delivery.ArrivedAt, delivery.NextAt);
}
