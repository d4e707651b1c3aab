using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Http;

public sealed class BodyLimitTests
{
    private const int LimitBytes = 1 << 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task A_body_over_1_MB_is_refused_with_the_limit_named(bool realPort, bool lengthUnknown)
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { RealPort = realPort }, Ct);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/tenants") { Content = Json(new string(' ', LimitBytes + 1)) };
        if (lengthUnknown)
        {
            request.Headers.TransferEncodingChunked = true;
            request.Content.Headers.ContentLength = null;
        }

        using var answer = await host.Operator.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal("body_too_large", problem.GetProperty("code").GetString());
        Assert.Contains($"{LimitBytes} bytes", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_exactly_the_limit_is_read()
    {
        await using var host = await TestHost.StartAsync(Ct);
        const string Json = """{"name":"exact"}""";

        using var answer = await host.Operator.PostAsync("/api/v1/tenants", BodyLimitTests.Json(Json + new string(' ', LimitBytes - Json.Length)), Ct);

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("nonsense")]
    [InlineData(null)]
    public async Task A_body_that_is_not_said_to_be_JSON_is_refused_with_the_type_to_send(string? contentType)
    {
        await using var host = await TestHost.StartAsync(Ct);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("""{"name":"n"}"""));
        if (contentType is not null) content.Headers.TryAddWithoutValidation("Content-Type", contentType);

        using var answer = await host.Operator.PostAsync("/api/v1/tenants", content, Ct);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, answer.StatusCode);
        Assert.Contains("application/json", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_never_ends_is_cut_off_after_its_time()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        using var stuck = new StuckContent();

        var call = host.Operator.PostAsync("/api/v1/tenants", stuck, Ct);
        await stuck.Begun;
        while (!call.IsCompleted)
        {
            // The timer is set by the server some moments after the first bytes: time goes on until it has run out.
            clock.Advance(TimeSpan.FromSeconds(40));
            await Task.Yield();
        }

        using var answer = await call;
        Assert.Equal(HttpStatusCode.RequestTimeout, answer.StatusCode);
        Assert.Contains("38 seconds", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    /// <summary>Sends half an object and then waits for ever.</summary>
    private sealed class StuckContent : HttpContent
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public StuckContent() => Headers.ContentType = new MediaTypeHeaderValue("application/json");

        public Task Begun => _begun.Task;

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync("{\"name\":"u8.ToArray());
            await stream.FlushAsync();
            _begun.SetResult();
            await new TaskCompletionSource().Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
