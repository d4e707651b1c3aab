using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Beta.Agents;
using Anthropic.Models.Beta.Environments;
using Anthropic.Models.Beta.Sessions;
using Anthropic.Models.Beta.Sessions.Events;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd;

/// <summary>The unmodified NuGet client of the vendor against the real program.</summary>
public sealed class AnthropicClientTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("insula-").FullName;
    private InsulaProcess? _insula;
    private AnthropicClient? _client;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private AnthropicClient Client => _client!;

    public async ValueTask InitializeAsync()
    {
        _insula = await InsulaProcess.StartAsync(_data, Ct);
        _client = new AnthropicClient { BaseUrl = _insula.Url.ToString(), ApiKey = _insula.Started.TenantKey!, MaxRetries = 0 };
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_insula is not null) await _insula.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task The_vendors_client_creates_streams_and_sends()
    {
        var session = await StartSessionAsync();
        using var stream = await Client.WithRawResponse.Beta.Sessions.Events.StreamStreaming(
            session.ID, new EventStreamParams { EventDeltas = ["agent.message"] }, Ct);
        await SendAsync(session.ID, "!usage 7 5\n!text It is done.");

        var seen = new List<BetaManagedAgentsStreamSessionEvents>();
        await foreach (var e in stream.Enumerate(Ct))
        {
            e.Validate();
            seen.Add(e);
            if (e.TryPickSessionStatusIdleEvent(out _)) break;
        }

        var whole = Assert.Single(seen.Select(e => e.TryPickAgentMessageEvent(out var message) ? message : null).OfType<BetaManagedAgentsAgentMessageEvent>());
        Assert.True(whole.Content[0].TryPickBetaManagedAgentsTextBlock(out var text));
        Assert.Equal("It is done.", text.Text);
        Assert.Contains(seen, e => e.TryPickDeltaEvent(out var delta) && string.Equals(delta.EventID, whole.ID, StringComparison.Ordinal));

        var history = await Client.Beta.Sessions.Events.List(session.ID, new EventListParams(), Ct);
        foreach (var e in history.Items) e.Validate();
        Assert.Equal(7, (await Client.Beta.Sessions.Retrieve(session.ID, cancellationToken: Ct)).Usage.InputTokens);
    }

    [Fact]
    public async Task The_vendors_client_understands_every_object_and_refusal()
    {
        var session = await StartSessionAsync();
        session.Validate();
        (await Client.Beta.Agents.Retrieve(session.Agent.ID, cancellationToken: Ct)).Validate();
        (await Client.Beta.Environments.Retrieve(session.EnvironmentID, cancellationToken: Ct)).Validate();
        var sessions = await Client.Beta.Sessions.List(new SessionListParams { AgentID = session.Agent.ID, Statuses = ["idle", "running"], Limit = 1 }, Ct);
        Assert.Equal([session.ID], sessions.Items.Select(item => item.ID));

        await Client.Beta.Environments.Archive(session.EnvironmentID, cancellationToken: Ct);
        await Assert.ThrowsAsync<AnthropicBetaEnvironmentArchivedException>(
            () => Client.Beta.Environments.Update(session.EnvironmentID, new EnvironmentUpdateParams { Name = "x" }, Ct));
        await Assert.ThrowsAsync<AnthropicNotFoundException>(() => Client.Beta.Sessions.Retrieve("sesn_0000000000000000000001", cancellationToken: Ct));
    }

    private async Task<BetaManagedAgentsSession> StartSessionAsync()
    {
        var agent = await Client.Beta.Agents.Create(
            new AgentCreateParams { Name = "scripted", Model = new BetaManagedAgentsModelConfigParams { ID = "insula/scripted" } }, Ct);
        agent.Validate();
        var environment = await Client.Beta.Environments.Create(new EnvironmentCreateParams { Name = "interop" }, Ct);
        environment.Validate();
        return await Client.Beta.Sessions.Create(new SessionCreateParams { Agent = agent.ID, EnvironmentID = environment.ID }, Ct);
    }

    private async Task SendAsync(string session, string text) => await Client.Beta.Sessions.Events.Send(
        session,
        new EventSendParams
        {
            Events = [new BetaManagedAgentsUserMessageEventParams { Content = [new BetaManagedAgentsTextBlock { Text = text }] }],
        },
        Ct);
}
