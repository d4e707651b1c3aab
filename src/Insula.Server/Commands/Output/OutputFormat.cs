namespace Insula.Server.Commands.Output;

internal enum OutputFormat
{
    Table,
    Json,
    Yaml,
}
