using System.Globalization;
using Insula.Tenancy.Nodes;

namespace Insula.Storage.Postgres.Wakes;

/// <summary>
/// What goes over the wire: for each topic a channel, and on it keys as 16 hex digits with commas between them. A star
/// stands for everything.
/// </summary>
internal static class WakeText
{
    public const string Everything = "*";

    /// <summary>Where nodes greet each other.</summary>
    public const string Greetings = "insula_nodes";

    private const int Digits = 16;

    /// <summary>PostgreSQL takes less than 8000 bytes.</summary>
    private const int KeysMax = 7_900 / (Digits + 1);

    public static string ChannelOf(WakeTopic topic) => topic switch
    {
        WakeTopic.Sessions => "insula_wake",
        WakeTopic.Access => "insula_wake_access",
        WakeTopic.Work => "insula_wake_work",
        _ => throw new ArgumentOutOfRangeException(nameof(topic), topic, "A topic without a channel."),
    };

    public static WakeTopic? TopicOf(string channel) => Enum.GetValues<WakeTopic>().Where(topic => ChannelOf(topic) == channel).Cast<WakeTopic?>().FirstOrDefault();

    public static IEnumerable<string> Write(IEnumerable<WakeKey> keys) =>
        keys.Chunk(KeysMax).Select(static some => string.Join(',', some.Select(static key => key.Value.ToString("x16", CultureInfo.InvariantCulture))));

    /// <summary>What is no key counts as everything: whatever was meant, looking again does no harm.</summary>
    public static Wake Read(string payload)
    {
        var keys = new HashSet<WakeKey>();
        foreach (var part in payload.Split(','))
        {
            if (part.Length != Digits || !ulong.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) return Wake.Everything;
            keys.Add(new(value));
        }

        return new(keys);
    }
}
