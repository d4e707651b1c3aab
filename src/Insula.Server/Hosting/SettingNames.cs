namespace Insula.Server.Hosting;

/// <summary>The names of all settings that come from the environment. A name that begins with INSULA_ and is neither here nor that of a further database server (<see cref="ReadDatabases"/>) stops the start.</summary>
internal static class SettingNames
{
    public const string Prefix = "INSULA_";

    public const string Data = "INSULA_DATA";
    public const string Urls = "INSULA_URLS";
    public const string Database = "INSULA_DATABASE";
    public const string OperatorKey = "INSULA_OPERATOR_KEY";
    public const string Signup = "INSULA_SIGNUP";
    public const string OpenAIBaseUrl = "INSULA_OPENAI_BASE_URL";
    public const string OpenAIKey = "INSULA_OPENAI_API_KEY";
    public const string AnthropicBaseUrl = "INSULA_ANTHROPIC_BASE_URL";
    public const string AnthropicKey = "INSULA_ANTHROPIC_API_KEY";
    public const string OllamaUrl = "INSULA_OLLAMA_URL";
    public const string Scripted = "INSULA_SCRIPTED";
    public const string Plans = "INSULA_PLANS";
    public const string WebhooksPrivate = "INSULA_WEBHOOKS_PRIVATE";
    public const string StripeKey = "INSULA_STRIPE_API_KEY";
    public const string StripeUrl = "INSULA_STRIPE_BASE_URL";
    public const string StripeMeter = "INSULA_STRIPE_METER";
    public const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Of the command line as a client; a server that finds them set leaves them alone.</summary>
    public const string ClientUrl = "INSULA_URL";
    public const string ClientKey = "INSULA_KEY";

    public static IReadOnlyCollection<string> All { get; } =
    [
        Data, Urls, Database, OperatorKey, Signup, OpenAIBaseUrl, OpenAIKey, AnthropicBaseUrl, AnthropicKey, OllamaUrl,
        Scripted, Plans, WebhooksPrivate, StripeKey, StripeUrl, StripeMeter, ClientUrl, ClientKey,
    ];
}
