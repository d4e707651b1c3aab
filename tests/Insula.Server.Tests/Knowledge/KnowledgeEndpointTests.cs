using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Knowledge;

public abstract class KnowledgeEndpointTests(TestStore store)
{
    private const int LargestText = 16 << 20;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_text_is_learned_asked_listed_and_forgotten()
    {
        await using var host = await store.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        var body = new { source = "towers.md", text = "# Towers\n\nThe gate of the north tower is blue.", metadata = new Dictionary<string, string> { ["Lang"] = "en" } };
        var (status, learned) = await PostAsync(client, "learn", body);
        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(("towers.md", true, 1, "en"), (Text(learned, "source"), learned.GetProperty("created").GetBoolean(), learned.GetProperty("passages").GetInt32(), Text(learned.GetProperty("metadata"), "Lang")));

        var (again, known) = await PostAsync(client, "learn", body);
        Assert.Equal((HttpStatusCode.OK, false, Text(learned, "id")), (again, known.GetProperty("created").GetBoolean(), Text(known, "id")));

        var (_, answer) = await PostAsync(client, "query", new { query = "Which gate is blue?", limit = 3 });
        var citation = Assert.Single(answer.GetProperty("citations").EnumerateArray());
        Assert.Contains("[1]", Text(answer, "answer"), StringComparison.Ordinal);
        Assert.InRange(answer.GetProperty("confidence").GetDouble(), 0.5, 1);
        Assert.Equal(("towers.md", Text(learned, "id"), "Towers", "The gate of the north tower is blue."), (Text(citation, "source"), Text(citation, "source_id"), Text(citation, "heading"), Text(citation, "quote")));

        var list = await client.GetFromJsonAsync<JsonElement>("/api/v1/knowledge/sources", Ct);
        Assert.Equal(Text(learned, "id"), Text(Assert.Single(list.GetProperty("data").EnumerateArray()), "id"));
        var shown = await client.GetFromJsonAsync<JsonElement>($"/api/v1/knowledge/sources/{Text(learned, "id")}", Ct);
        Assert.Equal(Text(learned, "content_hash"), Text(shown, "content_hash"));

        using var forgotten = await client.DeleteAsync($"/api/v1/knowledge/sources/{Text(learned, "id")}", Ct);
        Assert.Equal(HttpStatusCode.OK, forgotten.StatusCode);
        using var gone = await client.DeleteAsync($"/api/v1/knowledge/sources/{Text(learned, "id")}", Ct);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        (_, answer) = await PostAsync(client, "query", new { query = "Which gate is blue?" });
        Assert.Equal(0, answer.GetProperty("confidence").GetDouble());
        Assert.Equal("I found nothing about “gate is blue” in what I was taught.", Text(answer, "answer"));
    }

    [Fact]
    public async Task Files_are_learned_under_their_names_and_one_file_under_the_name_given()
    {
        await using var host = await store.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        using var two = new MultipartFormDataContent { { new StringContent("North is up."), "file", "docs/nörth.md" }, { new StringContent("South is down."), "file", "south.txt" } };
        var (status, several) = await SendAsync(client, two);
        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(["docs/nörth.md", "south.txt"], several.GetProperty("data").EnumerateArray().Select(view => Text(view, "source")));
        Assert.Equal(["text/markdown", "text/plain"], several.GetProperty("data").EnumerateArray().Select(view => Text(view, "media_type")));

        using var one = new MultipartFormDataContent { { new StringContent("East is right."), "file", "x.md" }, { new StringContent("east"), "source" }, { new StringContent("""{"k":"v"}"""), "metadata" } };
        var (_, single) = await SendAsync(client, one);
        var view = Assert.Single(single.GetProperty("data").EnumerateArray());
        Assert.Equal(("east", "v"), (Text(view, "source"), Text(view.GetProperty("metadata"), "k")));
    }

    [Fact]
    public async Task A_file_of_16_MB_is_learned_and_a_byte_more_is_413_with_the_limit()
    {
        await using var host = await store.StartAsync(new TestHostOptions { RealPort = true }, Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        var bytes = new byte[LargestText + 1];
        bytes.AsSpan().Fill((byte)'y');
        for (var i = 0; i < bytes.Length; i += 1000) bytes[i] = (byte)'\n';
        using var fits = new MultipartFormDataContent { { new ByteArrayContent(bytes, 0, LargestText), "file", "big.txt" } };
        using var over = new MultipartFormDataContent { { new ByteArrayContent(bytes), "file", "big.txt" } };

        Assert.Equal(HttpStatusCode.Created, (await SendAsync(client, fits)).Status);
        var (status, problem) = await SendAsync(client, over);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "source_too_large"), (status, Text(problem, "code")));
        Assert.Contains("16777216", Text(problem, "detail"), StringComparison.Ordinal);
        (status, problem) = await PostAsync(client, "learn", new { source = "big.txt", text = Encoding.ASCII.GetString(bytes) });
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "source_too_large"), (status, Text(problem, "code")));
    }

    [Fact]
    public async Task A_bad_form_is_refused_with_the_reason()
    {
        await using var host = await store.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        using var binary = new MultipartFormDataContent { { new ByteArrayContent([0x89, 0x50, 0, 1]), "file", "image.png" } };
        using var unknown = new MultipartFormDataContent { { new StringContent("x"), "fil", "a.md" } };
        using var empty = new MultipartFormDataContent { { new StringContent("a"), "source" } };
        using var twoNames = new MultipartFormDataContent { { new StringContent("x"), "file", "a.md" }, { new StringContent("x"), "file", "b.md" }, { new StringContent("c"), "source" } };
        using var metadata = new MultipartFormDataContent { { new StringContent("x"), "file", "a.md" }, { new StringContent("[1"), "metadata" } };
        using var garbage = new ByteArrayContent("--b\r\nno header at all"u8.ToArray());
        garbage.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b");
        using var noBoundary = new ByteArrayContent([1, 2]);
        noBoundary.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data");

        Assert.Equal("not_text", await CodeAsync(client, binary));
        Assert.Equal("unknown_field", await CodeAsync(client, unknown));
        Assert.Equal("invalid_field", await CodeAsync(client, empty));
        Assert.Equal("invalid_field", await CodeAsync(client, twoNames));
        Assert.NotEqual("internal_error", await CodeAsync(client, metadata));
        Assert.Equal("malformed_request", await CodeAsync(client, garbage));
        Assert.Equal("malformed_request", await CodeAsync(client, noBoundary));
    }

    [Fact]
    public async Task Another_tenants_source_looks_like_none_and_its_text_is_in_no_answer()
    {
        await using var host = await store.StartAsync(Ct);
        var (a, b) = (await host.CreateTenantAsync("A", Ct), await host.CreateTenantAsync("B", Ct));
        var (_, secret) = await PostAsync(a.Client, "learn", new { source = "secret.md", text = "The launch code is seven." });
        await PostAsync(b.Client, "learn", new { source = "own.md", text = "No code is known here." });

        var (_, answer) = await PostAsync(b.Client, "query", new { query = "What is the launch code?" });
        Assert.DoesNotContain("seven", answer.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", answer.GetRawText(), StringComparison.Ordinal);
        foreach (var id in new[] { Text(secret, "id"), "src_0000000000000000000000", "nonsense" })
        {
            using var shown = await b.Client.GetAsync($"/api/v1/knowledge/sources/{id}", Ct);
            using var forgotten = await b.Client.DeleteAsync($"/api/v1/knowledge/sources/{id}", Ct);
            Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (shown.StatusCode, forgotten.StatusCode));
            Assert.Equal("knowledge_source_not_found", Text(await shown.Content.ReadFromJsonAsync<JsonElement>(Ct), "code"));
        }

        Assert.Contains("seven", Text((await PostAsync(a.Client, "query", new { query = "What is the launch code?" })).Body, "answer"), StringComparison.Ordinal);
    }

    private static Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(HttpClient client, string verb, object body) =>
        SendAsync(client, JsonContent.Create(body), verb);

    protected static async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(HttpClient client, HttpContent content, string verb = "learn")
    {
        using var answer = await client.PostAsync($"/api/v1/knowledge/{verb}", content, Ct);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>(Ct));
    }

    private static async Task<string> CodeAsync(HttpClient client, HttpContent content)
    {
        var (status, problem) = await SendAsync(client, content);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        return Text(problem, "code");
    }

    protected static string Text(JsonElement of, string member) => of.GetProperty(member).GetString()!;
}

public sealed class KnowledgeEndpointsEmbeddedTests(EmbeddedStore store) : KnowledgeEndpointTests(store), IClassFixture<EmbeddedStore>
{
    // What never gets as far as a store is looked at on one.
    [Theory]
    [InlineData("""{"source":"a"}""", "text")]
    [InlineData("""{"source":"","text":"x"}""", "source")]
    [InlineData("""{"source":"a","text":"  "}""", "text")]
    [InlineData("""{"source":"a","text":"x","colour":"red"}""", "colour")]
    [InlineData("""{"source":"a","text":"x","metadata":{"k":7}}""", "metadata.k")]
    [InlineData("""{"source":"a","text":"a\u0000b"}""", "text")]
    [InlineData("""{"source":7,"text":"x"}""", "source")]
    public async Task A_bad_text_is_refused_by_its_field(string json, string field)
    {
        await using var host = await TestHost.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        var (status, problem) = await SendAsync(client, content);

        Assert.Equal((HttpStatusCode.BadRequest, field), (status, Text(problem, "field")));
    }

    [Theory]
    [InlineData("""{"query":""}""", "query")]
    [InlineData("""{"query":"x","limit":0}""", "limit")]
    [InlineData("""{"query":"x","limit":21}""", "limit")]
    public async Task A_bad_question_is_refused_by_its_field(string json, string field)
    {
        await using var host = await TestHost.StartAsync(Ct);
        var client = (await host.CreateTenantAsync("A", Ct)).Client;
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync("/api/v1/knowledge/query", content, Ct);

        Assert.Equal((HttpStatusCode.BadRequest, field), (answer.StatusCode, Text(await answer.Content.ReadFromJsonAsync<JsonElement>(Ct), "field")));
    }
}

public sealed class KnowledgeEndpointsOnPostgresTests(PostgresStore store) : KnowledgeEndpointTests(store), IClassFixture<PostgresStore>;
