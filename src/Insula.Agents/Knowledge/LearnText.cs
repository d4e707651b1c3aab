using Insula.Agents.Input;
using Insula.Knowledge.Learning;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Knowledge;

/// <summary>A text to learn.</summary>
/// <param name="Name">The source's name, 1 to 500 characters; learning it again replaces what it held.</param>
/// <param name="Utf8">The text, at most 16 MB.</param>
/// <param name="MediaType">What the sender says it is; null when nothing was said.</param>
/// <param name="Metadata">At most 16 pairs.</param>
public sealed record TextToLearn(string Name, ReadOnlyMemory<byte> Utf8, string? MediaType, IReadOnlyDictionary<string, string> Metadata);

/// <param name="IsNew">False when the same text was already learned under that name; then nothing changed.</param>
public sealed record Learned(KnowledgeSource Source, bool IsNew);

/// <summary>
/// Learns a text: splits it into passages, keeps them, and makes them found. When it returns the text is durable and
/// every query finds it. The same name and bytes again change nothing; other bytes under the name replace it in one step.
/// </summary>
public sealed class LearnText(KnowledgeBases bases, TenantStandings tenants, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Learned>> LearnAsync(TenantScope scope, TextToLearn text, CancellationToken ct)
    {
        if (KnowledgeRules.Violation(text) is { } violation) return violation;

        var mediaType = KnowledgeRules.MediaTypeOf(text);
        var hash = KnowledgeRules.HashOf(text.Utf8.Span);
        var passages = PassageSplitter.Split(KnowledgeRules.Decode(text.Utf8.Span), KnowledgeRules.FormatOf(mediaType));
        if (passages.Count == 0) return KnowledgeRules.NothingIn(text.Name);
        if (await tenants.FindAsync(scope.Tenant, ct) is not { } standing) return Fault.NotFound("tenant");

        var source = new KnowledgeSource(
            Id<KnowledgeSource>.New(), text.Name, hash, mediaType, text.Utf8.Length, passages.Count, text.Metadata, time.GetUtcNow());
        var learned = await bases.ChangeAsync(scope, store => AddAsync(store, source, passages, standing.Limits, ct), ct);
        if (learned.Failed(out var fault, out var value)) return fault;

        // The text is learned, whether the caller still waits or not, so it is noted either way.
        if (value.IsNew) await audit.AppendAsync(scope, "knowledge.learn", value.Source.Id.ToString(), source.LearnedAt, CancellationToken.None);
        return value;
    }

    private static async Task<KnowledgeChange<Result<Learned>>> AddAsync(
        IKnowledgeStore store, KnowledgeSource source, IReadOnlyList<Passage> passages, Limits limits, CancellationToken ct)
    {
        var known = await store.FindByNameAsync(source.Name, ct);
        if (known is not null && string.Equals(known.ContentHash, source.ContentHash, StringComparison.Ordinal)) return new(new Learned(known, IsNew: false), Version: null, Apply: null);

        var stored = passages.Select((passage, ordinal) => new StoredPassage(source.Id, ordinal, passage.Heading, passage.Text)).ToList();
        // Once begun the change is carried to its end: a caller who leaves must not leave it in doubt and unnoted.
        var added = await store.AddAsync(source, stored, known?.Id, limits, CancellationToken.None);
        return added.Failed(out var fault, out var version)
            ? new(fault, Version: null, Apply: null)
            : new(new Learned(source, IsNew: true), version, view => view.Learn(new(source.Id.ToString(), source.Name, passages), known?.Id.ToString()));
    }
}
