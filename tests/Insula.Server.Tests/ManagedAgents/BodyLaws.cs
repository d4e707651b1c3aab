using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Server.ManagedAgents;
using Insula.Tenancy.Faults;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>
/// Bodies that are right but for one spot: any JSON value in any place. Reading one and checking it gives a value or a
/// fault that the caller can mend, and never an exception, which would be a 5xx.
/// </summary>
public sealed class BodyLaws
{
    private const string Agent = """
        {"name":"n","model":{"id":"m","effort":{"type":"high"},"speed":"fast","inference_geo":"eu"},"description":"d","system":"s",
         "tools":[{"type":"agent_toolset_20260401","default_config":{"enabled":true,"permission_policy":{"type":"auto"}},
                   "configs":[{"name":"bash","type":"bash","enabled":false,"permission_policy":{"type":"always_ask"}}]},
                  {"type":"mcp_toolset","mcp_server_name":"f","configs":[{"name":"x"}]},
                  {"type":"custom","name":"c","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}],
         "mcp_servers":[{"type":"url","name":"f","url":"https://f.example/"}],"skills":[{"type":"custom","skill_id":"s","version":"1"}],
         "metadata":{"a":"b"},"execution_identity":{"type":"service_account"},"multiagent":null}
        """;

    private const string Environment = """
        {"name":"n","description":"d","scope":"organization","metadata":{"a":"b"},
         "config":{"type":"cloud","networking":{"type":"limited","allowed_hosts":["a.example"],"allow_mcp_servers":true,"allow_package_managers":true},
                   "packages":{"type":"packages","apt":["a"],"npm":["b@1"],"pip":["c==1"]}}}
        """;

    private const string Session = """
        {"agent":{"type":"agent_with_overrides","id":"agent_0000000000000000000001","version":1,"model":"m","system":null,
                  "tools":[{"type":"custom","name":"c","description":"d","input_schema":{"type":"object"}}]},
         "environment_id":"env_0000000000000000000001","title":"t","metadata":{"a":"b"},"resources":[],"vault_ids":[],
         "budget":{"type":"limit","max_list_cost":{"amount":"2500","currency":"USD"}},
         "initial_events":[{"type":"user.message","content":[{"type":"text","text":"hi"}]}]}
        """;

    private const string Events = """
        {"events":[{"type":"user.message","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"url","url":"https://i.example/"}},
                    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"},"title":"t"}]},
                   {"type":"user.interrupt","session_thread_id":null},
                   {"type":"user.tool_confirmation","tool_use_id":"sevt_0000000000000000000001","result":"deny","deny_message":"no"},
                   {"type":"user.custom_tool_result","custom_tool_use_id":"sevt_0000000000000000000002","content":[{"type":"text","text":"r"}],"is_error":false},
                   {"type":"system.message","content":[{"type":"text","text":"be brief"}]}]}
        """;

    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "2147483648", "\"\"", "\" \"", "\"a\"", "\"\\u0000\"", "\"agent_0000000000000000000001\"",
        "[]", "[null]", "[[]]", "[\"\"]", "[{}]", "{}", "{\"type\":null}", "{\"type\":\"\"}", "{\"type\":\"custom\"}", "{\"a\":null}",
        $"\"{new string('x', 100_001)}\"", $"[{string.Join(',', Enumerable.Repeat("{}", 300))}]",
    ];

    private static readonly Gen<(int Spot, string Value)> Breaks =
        from spot in Gen.Choose(0, 200) from value in Gen.Elements(Values) select (spot, value);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(600);

    [Fact]
    public void A_broken_agent_is_a_fault_or_an_agent() => Holds(Agent, static json =>
        Check<CreateAgentBody, AgentDefinition>(json, static body => body.ToDefinition(), AgentRules.Violation));

    [Fact]
    public void A_broken_change_of_an_agent_is_a_fault_or_a_change() => Holds(Agent, static json =>
        Check<UpdateAgentBody, AgentChanges>(json, static body => body.ToChanges(), static _ => null));

    [Fact]
    public void A_broken_environment_is_a_fault_or_an_environment() => Holds(Environment, static json =>
        Check<CreateEnvironmentBody, EnvironmentDefinition>(json, static body => body.ToDefinition(), static definition =>
            EnvironmentRules.Violation(definition.Name, definition.Description, definition.Metadata) ?? definition.Config?.Complete().Fault));

    [Fact]
    public void A_broken_session_is_a_fault_or_a_session() => Holds(Session, static json =>
        Check<CreateSessionBody, SessionDefinition>(json, static body => body.ToDefinition(), static definition =>
            SessionRules.BudgetViolation(definition.Budget) ?? InputRules.InitialViolation(definition.InitialEvents)));

    [Fact]
    public void Broken_events_are_a_fault_or_events() => Holds(Events, static json =>
        Check<SendEventsBody, IReadOnlyList<InputBody>>(json, static body => InputEventBody.ToInput("events", body.Events), InputRules.Violation));

    [Theory]
    [InlineData(Agent)]
    [InlineData(Environment)]
    [InlineData(Session)]
    [InlineData(Events)]
    public void The_bodies_are_right_before_they_are_broken(string body)
    {
        var fault = body switch
        {
            Agent => Check<CreateAgentBody, AgentDefinition>(body, static b => b.ToDefinition(), AgentRules.Violation),
            Environment => Check<CreateEnvironmentBody, EnvironmentDefinition>(body, static b => b.ToDefinition(), static e => e.Config?.Complete().Fault),
            Session => Check<CreateSessionBody, SessionDefinition>(body, static b => b.ToDefinition(), static s => InputRules.InitialViolation(s.InitialEvents)),
            _ => Check<SendEventsBody, IReadOnlyList<InputBody>>(body, static b => InputEventBody.ToInput("events", b.Events), InputRules.Violation),
        };
        Assert.Null(fault);
    }

    [Theory]
    [InlineData("""{"name":7,"model":"m"}""", "name")]
    [InlineData("""{"name":"n"}""", "model")]
    [InlineData("""{"name":"n","model":{"id":7}}""", "model.id")]
    [InlineData("""{"name":"n","model":{}}""", "model.id")]
    [InlineData("""{"name":"n","model":"m","tools":[{"type":"custom","name":"c","description":7,"input_schema":{}}]}""", "tools[0].description")]
    [InlineData("""{"name":"n","model":"m","tools":[{"type":"magic"}]}""", "tools[0].type")]
    [InlineData("""{"name":"n","model":"m","tools":[{"type":"agent_toolset_20260401","configs":[{"name":"bash"},{"enabled":true}]}]}""", "tools[0].configs[1].name")]
    [InlineData("""{"name":"n","model":"m","metadata":{"a":7}}""", "metadata.a")]
    public void A_fault_names_the_whole_path_to_the_field(string json, string field) =>
        Assert.Equal(field, Check<CreateAgentBody, AgentDefinition>(json, static body => body.ToDefinition(), AgentRules.Violation)?.Field);

    [Theory]
    [InlineData("""{"tools":[{"type":"custom","name":7}]}""", "tools[0].name")]
    [InlineData("""{"model":{"id":7}}""", "model.id")]
    [InlineData("""{"model":{"id":"m","effort":"most"}}""", "model.effort")]
    [InlineData("""{"mcp_servers":{}}""", "mcp_servers")]
    [InlineData("""{"skills":[{"type":"custom","skill_id":[]}]}""", "skills[0].skill_id")]
    public void A_fault_inside_a_change_names_the_whole_path(string json, string field) =>
        Assert.Equal(field, Check<UpdateAgentBody, AgentChanges>(json, static body => body.ToChanges(), static _ => null)?.Field);

    private static void Holds(string body, Func<string, Fault?> check) => Prop.ForAll(Breaks.ToArbitrary(), broken =>
    {
        var fault = check(Break(body, broken.Spot, broken.Value));
        return fault is null or { Kind: FaultKind.Invalid or FaultKind.NotFound, Message.Length: > 0 };
    }).Check(Many);

    private static Fault? Check<TBody, TValue>(string json, Func<TBody, Result<TValue>> map, Func<TValue, Fault?> rules)
    {
        if (RequestBody.Parse<TBody>(Encoding.UTF8.GetBytes(json), ApiJson.VendorInput).Failed(out var unreadable, out var body)) return unreadable;
        return map(body).Failed(out var refused, out var value) ? refused : rules(value);
    }

    /// <summary>The body with one node, counted in document order, replaced.</summary>
    private static string Break(string body, int spot, string value)
    {
        var root = JsonNode.Parse(body)!;
        var nodes = Below(root).ToList();
        var (parent, key) = nodes[spot % nodes.Count];
        // 1e400 is no number to .NET and must reach the reader as text, so the spot is marked and replaced afterwards.
        const string mark = "@@here@@";
        if (key is string name) parent.AsObject()[name] = mark;
        else parent.AsArray()[(int)key] = mark;
        return root.ToJsonString(new JsonSerializerOptions { MaxDepth = 64 }).Replace($"\"{mark}\"", value, StringComparison.Ordinal);
    }

    private static IEnumerable<(JsonNode Parent, object Key)> Below(JsonNode node) => node switch
    {
        JsonObject members => members.SelectMany(member => Below(members, member.Key, member.Value)),
        JsonArray items => items.SelectMany((item, i) => Below(items, i, item)),
        _ => [],
    };

    private static IEnumerable<(JsonNode Parent, object Key)> Below(JsonNode parent, object key, JsonNode? child) =>
        [(parent, key), .. child is null ? [] : Below(child)];
}
