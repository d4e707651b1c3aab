using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>Over random logs, read as a worker reads them while they grow.</summary>
public sealed class ConversationLaws
{
    private static readonly Gen<List<int>> Histories = from steps in Gen.Choose(0, 999).ListOf(60) select steps.ToList();

    [Fact]
    public void A_conversation_that_grew_with_the_log_says_what_the_whole_log_says() =>
        Prop.ForAll(Histories.ToArbitrary(), Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static bool Holds(List<int> steps)
    {
        var log = new LogBuilder();
        var calls = new List<(Id<SessionEvent> Id, bool Client)>();
        var grown = Conversation.Of(log.Log);
        var given = new List<(IReadOnlyList<ModelMessage> Messages, string Said)>();
        foreach (var step in steps)
        {
            Take(step, log, calls);

            // Not after each event: several may come at once.
            if (step % 3 == 0) continue;
            grown = grown.Grow([.. log.Log]);
            var (system, messages) = grown.For("be kind");
            var (wholeSystem, whole) = Conversation.Of(log.Log).For("be kind");
            Assert.Equal(wholeSystem, system);
            Assert.Equal(Said(whole), Said(messages));
            given.Add((messages, Said(messages)));
        }

        // What a provider was given once stays as it is.
        Assert.All(given, static g => Assert.Equal(g.Said, Said(g.Messages)));
        return true;
    }

    private static void Take(int step, LogBuilder log, List<(Id<SessionEvent> Id, bool Client)> calls)
    {
        switch (step / 3 % 14)
        {
            case 0:
                log.NextRun().UserSays($"message {log.Log.Count}").Runs();
                break;
            case 1:
                log.UserSays($"aside {log.Log.Count}");
                break;
            case 2:
                log.Input(new SystemMessage([ContentBlock.OfText($"guidance {log.Log.Count}")]), taken: true);
                break;
            case 3:
                log.Does(new SessionRunRolledBack(log.Run));
                break;
            case 4:
                log.UserSays($"untaken {log.Log.Count}", taken: false).Does(new SessionForked(Id<Agents.Sessions.Session>.New(), log.Log.Count));
                break;
            case 5:
                log.Interrupts(taken: true).Idles(StopReason.EndTurn);
                break;
            case 6 or 7:
                log.Says($"answer {log.Log.Count}");
                break;
            case 8:
                log.CallsClient("client", out var asked);
                calls.Add((asked, true));
                break;
            case 9 or 10:
                log.Calls("tool", AgentToolUse.Allow, out var called);
                calls.Add((called, false));
                break;
            default:
                if (calls.Count == 0) break;
                var answered = calls[step % calls.Count];
                calls.Remove(answered);
                if (answered.Client) log.ClientAnswers(answered.Id, $"result {log.Log.Count}", taken: true);
                else log.Result(answered.Id, $"result {log.Log.Count}");
                break;
        }
    }

    private static string Said(IReadOnlyList<ModelMessage> messages) =>
        string.Join('\n', messages.Select(static m => $"{m.Role}: {string.Join(", ", m.Content.Select(static c => c is ToolCallContent call ? $"call {call.Id}" : c.ToString()))}"));
}
