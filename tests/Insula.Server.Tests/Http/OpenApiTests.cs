using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Http;

public sealed class OpenApiTests
{
    private const string Document = "docs/reference/openapi.json";

    [Fact]
    public async Task The_checked_in_document_describes_the_running_server()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var host = await TestHost.StartAsync(ct);
        using var nobody = host.Client(null);
        var served = (await nobody.GetStringAsync("/openapi/v1.json", ct)).ReplaceLineEndings("\n").TrimEnd() + "\n";

        var difference = GeneratedFile.Difference(Document, served);
        Assert.True(difference is null, difference);
    }

    [Fact]
    public void Every_operation_of_our_own_API_is_described_and_named()
    {
        using var document = JsonDocument.Parse(Repository.Read(Document));
        foreach (var path in document.RootElement.GetProperty("paths").EnumerateObject())
        {
            Assert.StartsWith("/api/v1/", path.Name, StringComparison.Ordinal);
            foreach (var operation in path.Value.EnumerateObject().Where(static member => member.Name != "parameters"))
            {
                Assert.True(operation.Value.TryGetProperty("operationId", out _), $"{operation.Name} {path.Name} has no name: add WithName.");
                Assert.True(operation.Value.TryGetProperty("summary", out _), $"{operation.Name} {path.Name} has no summary: add WithSummary.");
                Assert.Contains(operation.Value.GetProperty("responses").EnumerateObject(), static response => response.Name.StartsWith('2'));
            }
        }
    }
}
