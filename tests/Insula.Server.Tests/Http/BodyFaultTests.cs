using System.Text;
using System.Text.Json;
using Insula.Server.Endpoints;
using Insula.Server.Http;
using Insula.Tenancy.Faults;

namespace Insula.Server.Tests.Http;

public sealed class BodyFaultTests
{
    private const string Missing = "missing_field";
    private const string Unknown = "unknown_field";
    private const string Duplicate = "duplicate_field";
    private const string Invalid = "invalid_field";
    private const string Malformed = "malformed_request";

    [Theory]
    [InlineData("""{}""", Missing, "name")]
    [InlineData("""{"name":null}""", Invalid, "name")]
    [InlineData("""{"name":7}""", Invalid, "name")]
    [InlineData("""{"name":["a"]}""", Invalid, "name")]
    [InlineData("""{"name":"a","colour":"red"}""", Unknown, "colour")]
    [InlineData("""{"name":"a","limits":{"speed":1}}""", Unknown, "limits.speed")]
    [InlineData("""{"name":"a","limits":{"concepts":"many"}}""", Invalid, "limits.concepts")]
    [InlineData("""{"name":"a","limits":{"requests_per_minute":99999999999}}""", Invalid, "limits.requests_per_minute")]
    [InlineData("""{"name":"a","limits":{"requests_per_minute":1.5}}""", Invalid, "limits.requests_per_minute")]
    [InlineData("""{"name":"a","limits":[]}""", Invalid, "limits")]
    [InlineData("""{"name":"a","name":"b"}""", Duplicate, "name")]
    [InlineData("""{"Name":"a"}""", Unknown, "Name")]
    [InlineData("""[]""", Invalid, "")]
    [InlineData(""" "text" """, Invalid, "")]
    [InlineData("""null""", Malformed, null)]
    [InlineData("", Malformed, null)]
    [InlineData("{", Malformed, null)]
    [InlineData("""{"name":"a"}}""", Malformed, null)]
    [InlineData("""{"name":"a",}""", Malformed, null)]
    [InlineData("""{"name":"\ud800"}""", Malformed, null)]
    [InlineData("""{"\udc00":"a"}""", Malformed, null)]
    [InlineData("""// no comments""", Malformed, null)]
    public void A_body_that_does_not_fit_is_refused_by_field(string body, string code, string? field)
    {
        var fault = RequestBody.Parse<CreateTenantRequest>(Encoding.UTF8.GetBytes(body), ApiJson.Options).Fault;

        Assert.NotNull(fault);
        Assert.Equal(FaultKind.Invalid, fault.Kind);
        Assert.Equal((code, field), (fault.Code, fault.Field));
        Assert.DoesNotContain("System.", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Insula.", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Request'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_missing_field_is_named_at_once()
    {
        var fault = RequestBody.Parse<SignUpRequest>("{}"u8, ApiJson.Options).Fault;

        Assert.Contains("name, email", fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_wanted_type_is_told()
    {
        var fault = RequestBody.Parse<CreateKeyRequest>("""{"name":"a","expires_at":"tomorrow"}"""u8, ApiJson.Options).Fault;

        Assert.Equal("expires_at must be a time such as 2026-11-22T08:30:00Z.", fault!.Message);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused_whole()
    {
        var fault = RequestBody.Parse<CreateTenantRequest>([.. "{\"name\":\""u8, 0xC3, 0x28, .. "\"}"u8], ApiJson.Options).Fault;

        Assert.Equal("The body is not valid UTF-8.", fault!.Message);
    }

    [Theory]
    [InlineData(64, false)]
    [InlineData(65, true)]
    public void Depth_is_limited_to_64(int depth, bool refused)
    {
        var body = Encoding.UTF8.GetBytes(new string('[', depth) + new string(']', depth));

        var fault = RequestBody.Parse<JsonElement>(body, ApiJson.Options).Fault;

        Assert.Equal(refused, fault is not null);
        if (refused) Assert.Contains("64 levels", fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_vendors_bodies_may_hold_what_we_do_not_know_but_nothing_twice()
    {
        Assert.Null(RequestBody.Parse<JsonElement>("""{"anything":{"goes":1}}"""u8, ApiJson.VendorInput).Fault);
        Assert.Equal(Duplicate, RequestBody.Parse<JsonElement>("""{"a":1,"a":2}"""u8, ApiJson.VendorInput).Fault!.Code);
    }
}
