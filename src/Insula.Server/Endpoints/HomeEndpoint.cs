using Insula.Server.Http;

namespace Insula.Server.Endpoints;

/// <summary>The page at the root, for whoever opens the address in a browser.</summary>
internal static class HomeEndpoint
{
    private const string Text =
        """
        Insula runs AI agents for many tenants, each behind its own walls.

        This address serves an API.
          /v1/agents, /v1/environments, /v1/sessions   agents at work, as the Anthropic SDKs call them
          /api/v1/...                                  tenants, keys, plans, knowledge
          /openapi/v1.json                             the description of /api/v1
          /healthz, /readyz                            is it up, can it serve

        Send a key as 'Authorization: Bearer ...' or 'x-api-key: ...'. The first start of the data folder printed two.
        From the command line on this machine:   insula run "What can you do?"

        """;

    // Open because it tells nothing that the source does not.
    public static void MapHome(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", static () => Results.Text(Text)).AllowAnonymousCaller().ExcludeFromDescription();
}
