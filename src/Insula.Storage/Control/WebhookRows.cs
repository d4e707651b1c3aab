using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

/// <summary>Events put on their way to webhooks in the transaction of what they tell of.</summary>
internal static class WebhookRows
{
    /// <param name="subject">What happened once: with it the event has the same id whenever it is put.</param>
    /// <param name="data">A JSON object.</param>
    public static void Put(Link link, Id<Tenant> tenant, string name, string subject, string data, DateTimeOffset at) => link.Post(
        WebhookSql.Put,
        ("@tenant_id", tenant.ToString()),
        ("@digest", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {subject}")))[..32]),
        ("@rest", $"\"type\":{JsonSerializer.Serialize(name)},\"created_at\":{JsonSerializer.Serialize(at)},\"tenant_id\":{JsonSerializer.Serialize(tenant.ToString())},\"data\":{data}}}"),
        ("@at", Instant.ToNumber(at)),
        ("@name", name),
        ("@event", $"|{name}|"));

    public static void Put<T>(Link link, Id<Tenant> tenant, string name, string subject, T data, DateTimeOffset at) => Put(link, tenant, name, subject, Rows.ToJson(data), at);
}
