using System.CommandLine;
using System.Globalization;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula key</c>: a tenant's keys, for its administrators.</summary>
internal static class KeyCommands
{
    private const string Path = "api/v1/keys";

    private static readonly Column[] Columns =
    [
        new("ID", "id"), new("NAME", "name"), new("SCOPES", "scopes"), new("MEMBER", "member"), Column.Time("CREATED", "created_at"), Column.Time("LAST USED", "last_used_at"),
        Column.Time("EXPIRES", "expires_at"), Column.Time("REVOKED", "revoked_at"),
    ];

    private static readonly Column[] NewKeyFields =
        [new("id", "id"), new("name", "name"), new("scopes", "scopes"), new("member", "member"), Column.Time("expires", "expires_at"), new("key", "secret")];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("key", "API keys of a tenant (needs a key with the scope admin)")
    {
        Create(client), List(client), Rotate(client), Revoke(client),
    });

    private static Command Create(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "1 to 100 characters, for people" };
        var scope = new Option<string[]>("--scope") { Description = "read, write or admin; may be given again [read and write]", HelpName = "scope" };
        var expires = new Option<string?>("--expires") { Description = "When it ends: a time such as 2027-01-31T00:00:00Z, or from now: 12h, 30d", HelpName = "when" };
        var tenant = new Option<string?>("--tenant") { Description = "For this tenant, as the operator (needs the operator key)", HelpName = "id" };
        var member = Member("Whose key it is: it may do what the member's role allows, and ends with the member [nobody's]");
        var limit = LimitOption.CreateForKey();
        var command = new Command("create", "Create a key; its text is shown once") { name, scope, member, expires, limit, tenant };
        command.SetAction(async (parsed, ct) =>
        {
            var owner = parsed.GetValue(tenant);
            using var api = client.ConnectionOf(parsed).Open(owner is null ? KeyKind.Tenant : KeyKind.Operator);
            var printer = client.PrinterOf(parsed);
            var scopes = parsed.GetValue(scope) is { Length: > 0 } given ? given : null;
            var path = owner is null ? Path : $"api/v1/tenants/{Uri.EscapeDataString(owner)}/keys";
            var body = new
            {
                name = parsed.GetRequiredValue(name),
                scopes,
                expires_at = Durations.Moment("--expires", parsed.GetValue(expires), client.Terminal.Time),
                limits = LimitOption.Read(parsed.GetValue(limit)),
                member = parsed.GetValue(member),
            };
            printer.One(await api.PostAsync(path, body, ct), NewKeyFields);
            printer.Note("The key is shown this once: keep it now.");
            return (int)ExitCode.Ok;
        });
        return command.WithExamples("insula key create dashboard --scope read --expires 90d", "insula key create support --tenant tnt_… --scope read", "insula key create ci --limit requests_per_minute=30", "insula key create laptop --member mbr_…");
    }

    private static Command List(ClientOptions client)
    {
        var (member, limit) = (Member("Only this member's"), Lists.Limit());
        return client.Acts(new Command("list", "List keys, newest first") { member, limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Lists.Path(Path, ("member", call.Get(member))), limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula key list", "insula key list --member mbr_…");
    }

    private static Command Rotate(ClientOptions client)
    {
        var id = Id();
        var overlap = new Option<string?>("--overlap") { Description = "How long the old key stays in force: 0s, 15m, 12h, 30d [24h]", HelpName = "time" };
        return client.Acts(new Command("rotate", "Replace a key; the old one stays in force for the overlap") { id, overlap }, async (call, ct) =>
        {
            var seconds = call.Get(overlap) is { } text ? (long?)Durations.Parse("--overlap", text).TotalSeconds : null;
            var body = seconds is null ? null : new { overlap_seconds = seconds };
            call.Printer.One(await call.Api.PostAsync($"{PathOf(call, id)}/rotate", body, ct), NewKeyFields);
            call.Printer.Note("The key is shown this once: keep it now.");
            return ExitCode.Ok;
        }).WithExamples("insula key rotate key_… --overlap 1h");
    }

    private static Command Revoke(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("revoke", "End a key at once") { id }, async (call, ct) =>
        {
            var revoked = await call.Api.DeleteAsync(PathOf(call, id), ct);
            call.Printer.One(revoked, new("id", "id"), new("name", "name"), Column.Time("revoked", "revoked_at"));
            return ExitCode.Ok;
        }).WithExamples("insula key revoke key_…");
    }

    private static Option<string?> Member(string description) => new("--member") { Description = description, HelpName = "id" };

    private static Argument<string> Id() => new("id") { Description = "The key's id, key_… (not its text)" };

    private static string PathOf(ClientCall call, Argument<string> id) => $"{Path}/{Uri.EscapeDataString(call.Get(id))}";
}

/// <summary>Spans of time as people write them.</summary>
internal static class Durations
{
    /// <summary>A moment that is written out, or lies a span from now.</summary>
    public static DateTimeOffset? Moment(string option, string? text, TimeProvider time)
    {
        if (text is null) return null;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) && text.Contains('-')) return moment;
        return time.GetUtcNow() + Parse(option, text);
    }

    public static TimeSpan Parse(string option, string text)
    {
        TimeSpan? unit = text.Length < 2 ? null : text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => null,
        };
        return unit is { } known && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? known * count
            : throw new CommandException(ExitCode.Usage, $"{option} {text} is not a span of time.", "Write a number and s, m, h or d: 90s, 15m, 12h, 30d.");
    }
}
