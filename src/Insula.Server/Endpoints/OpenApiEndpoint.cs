using Insula.Server.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Insula.Server.Endpoints;

/// <summary>
/// The description of <c>/api/v1</c>, made from the routes and checked in as docs/reference/openapi.json, so that a change
/// of the API is seen in review. <c>/v1</c> is described by its vendor.
/// </summary>
internal static class OpenApiEndpoint
{
    public const string DocumentName = "v1";

    public static void AddOpenApiDocument(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(static json => ApiJson.Configure(json.SerializerOptions));
        services.AddOpenApi(DocumentName, static options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.ShouldInclude = static api => api.RelativePath?.StartsWith("api/v1/", StringComparison.Ordinal) == true;
            options.AddDocumentTransformer(static (document, _, _) => Describe(document));
            options.AddOperationTransformer(static (operation, context, ct) => DescribeAsync(operation, context, ct));
        });
    }

    // Open because it is in the source anyway, and tools fetch it before they have a key.
    public static void MapOpenApiDocument(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/openapi/{documentName}.json").AllowAnonymousCaller();

    private static Task Describe(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Insula",
            Version = DocumentName,
            Description = "Insula's own API: tenants, keys, plans and knowledge. Errors are RFC 9457 problems with `code` and `request_id`.",
        };
        // The address differs by installation, and the checked-in document must not.
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            ["bearer"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A tenant's key (sk_tenant_…) or an operator's (sk_platform_…); also taken as x-api-key." },
        };
        return Task.CompletedTask;
    }

    private static async Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<CallerRule>().Single() is { Kind: not CallerKind.Anonymous } rule)
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("bearer", context.Document)] = [] }];
            operation.Description = WhoMay(rule);
        }

        if (metadata.OfType<BodyDoc>().SingleOrDefault() is { } body)
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = body.Required,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/json"] = new() { Schema = await context.GetOrCreateSchemaAsync(body.Type, null, ct) },
                },
            };
        }

        if (metadata.OfType<PagedDoc>().SingleOrDefault() is { } paged)
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(Query("limit", "Rows at most, 1 to 1000; 20 when left out.", JsonSchemaType.Integer));
            operation.Parameters.Add(Query("page", "The next_page of the answer before.", JsonSchemaType.String));
            foreach (var filter in paged.Filters) operation.Parameters.Add(Query(filter.Name, filter.Description, JsonSchemaType.String));
        }

        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse { Description = "A problem (application/problem+json)." };
    }

    private static OpenApiParameter Query(string name, string description, JsonSchemaType type) =>
        new() { Name = name, In = ParameterLocation.Query, Description = description, Schema = new OpenApiSchema { Type = type } };

    private static string WhoMay(CallerRule rule)
    {
        var scope = rule.Permissions == Tenancy.Access.Permissions.None ? "A key of the tenant" : $"A key of the tenant with the scope {rule.Permissions.ToString().ToLowerInvariant()}";
        return rule.Kind switch
        {
            CallerKind.Tenant => $"{scope} may call this.",
            CallerKind.Anyone => $"{scope}, or an operator, may call this.",
            _ => "An operator may call this.",
        };
    }
}
