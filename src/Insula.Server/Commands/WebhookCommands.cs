using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Output;
using Insula.Tenancy.Webhooks;

namespace Insula.Server.Commands;

/// <summary><c>insula webhook</c>: addresses that are told of a tenant's events, for its administrators.</summary>
internal static class WebhookCommands
{
    private const string Path = "api/v1/webhooks";

    private static readonly Column State = new("STATE", static item => item.TextAt("disabled_at").Length > 0 ? "disabled" : item.TextAt("failing_since").Length > 0 ? "failing" : "ok");

    private static readonly Column[] Columns = [new("ID", "id"), new("URL", "url"), new("EVENTS", "events"), State, Column.Time("CREATED", "created_at")];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("url", "url"), new("events", "events"), State with { Head = "state" }, Column.Time("failing since", "failing_since"), Column.Time("disabled", "disabled_at"),
        Column.Time("created", "created_at"),
    ];

    private static readonly Column[] DeliveryColumns =
    [
        new("ID", "id"), new("EVENT", "event"), Column.Time("CREATED", "created_at"), new("ATTEMPTS", "attempts"), Column.Time("DELIVERED", "delivered_at"), Column.Time("NEXT ATTEMPT", "next_attempt_at"), new("ERROR", "error"),
    ];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("webhook", "Addresses that are told of a tenant's events (needs a key with the scope admin)")
    {
        Create(client), List(client), Show(client), Deliveries(client), Enable(client), Delete(client),
    });

    private static Command Create(ClientOptions client)
    {
        var url = new Argument<string>("url") { Description = "An https address on the public internet" };
        var events = new Option<string[]>("--event") { Description = $"{string.Join(", ", WebhookEvents.All)}; may be given again [all]", HelpName = "event" };
        return client.Acts(new Command("create", "Have events told to an address; the secret is shown once") { url, events }, async (call, ct) =>
        {
            var named = call.Get(events) is { Length: > 0 } given ? given : null;
            call.Printer.One(await call.Api.PostAsync(Path, new { url = call.Get(url), events = named }, ct), new("id", "id"), new("url", "url"), new("events", "events"), new("secret", "secret"));
            call.Printer.Note("The secret is shown this once: keep it now. Deliveries are checked with it, by Standard Webhooks.");
            return ExitCode.Ok;
        }).WithExamples("insula webhook create https://hooks.example.com/insula", "insula webhook create https://hooks.example.com/insula --event run.ended --event budget.exhausted");
    }

    private static Command List(ClientOptions client)
    {
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List webhooks, newest first") { limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula webhook list", "insula webhook list -o json | jq -r '.[] | select(.disabled_at) | .id'");
    }

    private static Command Show(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("show", "Show a webhook, and whether deliveries to it fail") { id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.GetAsync(PathOf(call, id), ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula webhook show whk_…");
    }

    private static Command Deliveries(ClientOptions client)
    {
        var (id, limit) = (Id(), Lists.Limit());
        return client.Acts(new Command("deliveries", "List what is and was on its way to a webhook, newest first") { id, limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, $"{PathOf(call, id)}/deliveries", limit, ct), DeliveryColumns);
            return ExitCode.Ok;
        }).WithExamples("insula webhook deliveries whk_…", "insula webhook deliveries whk_… -o json | jq '.[] | select(.delivered_at == null)'");
    }

    private static Command Enable(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("enable", "Let a webhook receive again that was disabled because it failed for days, and try at once what is on its way") { id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.PostAsync($"{PathOf(call, id)}/enable", body: null, ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula webhook enable whk_…");
    }

    private static Command Delete(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("delete", "End a webhook, with what is on its way to it") { id }, async (call, ct) =>
        {
            await call.Api.DeleteAsync(PathOf(call, id), ct);
            call.Printer.One(JsonSerializer.SerializeToElement(new { id = call.Get(id), deleted = true }), new("id", "id"), new("deleted", "deleted"));
            return ExitCode.Ok;
        }).WithExamples("insula webhook delete whk_…");
    }

    private static Argument<string> Id() => new("id") { Description = "The webhook's id, whk_…" };

    private static string PathOf(ClientCall call, Argument<string> id) => $"{Path}/{Uri.EscapeDataString(call.Get(id))}";
}
