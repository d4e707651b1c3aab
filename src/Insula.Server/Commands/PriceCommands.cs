using System.CommandLine;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;
using Insula.Tenancy.Prices;

namespace Insula.Server.Commands;

/// <summary><c>insula price</c>: what things cost.</summary>
internal static class PriceCommands
{
    private const string Path = "api/v1/prices";
    private const long Million = 1_000_000;

    private static readonly Column[] Columns =
    [
        new("NAME", "name"), Column.Time("FROM", "from"), UsageCommand.Money("INPUT", "input_micros"), UsageCommand.Money("OUTPUT", "output_micros"), UsageCommand.Money("CACHE READ", "cache_read_micros"),
        UsageCommand.Money("CACHE WRITE", "cache_write_micros"), UsageCommand.Money("REQUEST", "per_request_micros"), new("CEILING", "ceiling"), new("VERSION", "version"),
    ];

    private static readonly Column[] Fields = [new("name", "name"), Column.Time("from", "from"), new("version", "version")];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("price", "What models and other goods cost") { List(client), Put(client) });

    private static Command List(ClientOptions client)
    {
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List every version of every price, in dollars for a million tokens") { limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula price list", "insula price list -o json");
    }

    private static Command Put(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "provider/model, with * at its end for all that begin so; or tool_call, sandbox_second, gb_day, gb_egress; or unpriced" };
        var (input, output, cacheRead, cacheWrite, reasoning) = (Rate("--input"), Rate("--output"), Rate("--cache-read"), Rate("--cache-write"), Rate("--reasoning"));
        var request = new Option<string?>("--per-request") { Description = "Dollars for each request", HelpName = "dollars" };
        var each = new Option<string?>("--each") { Description = "Dollars for each one, of a good that is no model", HelpName = "dollars" };
        var from = new Option<string?>("--from") { Description = "In force from then on: a time such as 2027-01-31T00:00:00Z, or from now: 12h, 30d [at once]", HelpName = "when" };
        var ceiling = new Option<bool>("--ceiling") { Description = "Not the price but the most that it may be" };
        var command = new Command("put", "Add a version of a price, as the operator") { name, input, output, cacheRead, cacheWrite, reasoning, request, each, from, ceiling };
        return client.Acts(command, KeyKind.Operator, async (call, ct) =>
        {
            var body = new
            {
                name = call.Get(name),
                from = Durations.Moment("--from", call.Get(from), call.Terminal.Time),
                input_micros = Micros(call, input, 1) ?? 0,
                output_micros = Micros(call, output, 1) ?? 0,
                cache_read_micros = Micros(call, cacheRead, 1),
                cache_write_micros = Micros(call, cacheWrite, 1),
                reasoning_micros = Micros(call, reasoning, 1),
                per_request_micros = Micros(call, request, 1) ?? 0,
                each_micros = Micros(call, each, Million) ?? 0,
                ceiling = call.Get(ceiling),
            };
            call.Printer.One(await call.Api.PutAsync(Path, body, ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula price put openai/gpt-5 --input 1.25 --output 10 --cache-read 0.125", "insula price put unpriced --input 15 --output 75 --ceiling", "insula price put tool_call --each 0.001");
    }

    private static Option<string?> Rate(string option) => new(option) { Description = "Dollars for a million tokens", HelpName = "dollars" };

    private static long? Micros(ClientCall call, Option<string?> option, long times) =>
        call.Get(option) is not { } text ? null
        : Dollars.Parse(text, times)
            ?? throw new CommandException(ExitCode.Usage, $"{option.Name} {text} is not an amount of dollars.", $"Write a decimal number that is not negative, with at most {(times == 1 ? 6 : 12)} places, such as 1.25.");
}
