using System.Runtime.CompilerServices;
using Insula.Agents.Knowledge;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;

namespace Insula.Storage.TenantData;

internal sealed class KnowledgeStore(Database database, string tenant) : IKnowledgeStore
{
    public Task<KnowledgeSource?> FindByNameAsync(string name, CancellationToken ct) =>
        database.FirstAsync(KnowledgeSql.FindByName, Read, ct, ("@tenant_id", tenant), ("@name", name));

    public Task<KnowledgeSource?> FindAsync(Id<KnowledgeSource> source, CancellationToken ct) => database.ReadAsync(link => FindAsync(link, source), ct);

    public Task<Result<long>> AddAsync(KnowledgeSource source, IReadOnlyList<StoredPassage> passages, Id<KnowledgeSource>? replaces, Limits limits, CancellationToken ct)
    {
        if (source.Passages != passages.Count) throw new ArgumentException("The source counts other passages than are given.", nameof(passages));
        return database.WriteAsync<Result<long>>(
            async link =>
            {
                // The quota is a rule over all sources: two that are added at once must see each other.
                link.Alone($"knowledge {tenant}");
                var replaced = replaces is { } old ? await FindAsync(link, old) : null;
                if (await link.FirstAsync(KnowledgeSql.FindByName, Read, ("@tenant_id", tenant), ("@name", source.Name)) is { } holder && holder.Id != replaced?.Id)
                    return Fault.Conflict("source_changed", "A source of this name was learned at the same time. Try again.");
                if (await OverQuotaAsync(link, source, replaced, limits) is { } fault) return fault;
                if (replaced is not null) link.Post(KnowledgeSql.Delete, ("@tenant_id", tenant), ("@source_id", replaced.Id.ToString()));
                Insert(link, source, passages);
                return await AdvanceAsync(link);
            },
            ct);
    }

    public Task<long?> RemoveAsync(Id<KnowledgeSource> source, CancellationToken ct) => database.WriteAsync<long?>(
        async link => await link.RunAsync(KnowledgeSql.Delete, ("@tenant_id", tenant), ("@source_id", source.ToString())) > 0 ? await AdvanceAsync(link) : null,
        ct);

    public async Task<long> FindVersionAsync(CancellationToken ct) => await database.FirstAsync(KnowledgeSql.Version, static row => row.GetInt64(0), ct, ("@tenant_id", tenant));

    public async Task<Page<KnowledgeSource>> ListAsync(PageRequest page, CancellationToken ct)
    {
        var list = $"sources {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await database.AllAsync(
            KnowledgeSql.List,
            Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.LearnedAt), last.Id.ToString()).ToText(list));
    }

    public async Task<IReadOnlyList<Id<KnowledgeSource>>> ListIdsAsync(CancellationToken ct) =>
        await database.AllAsync(KnowledgeSql.ListIds, static row => row.Id<KnowledgeSource>(0), ct, ("@tenant_id", tenant));

    public async IAsyncEnumerable<(KnowledgeSource Source, IReadOnlyList<StoredPassage> Passages)> ReadAsync(
        IReadOnlyList<Id<KnowledgeSource>> sources, [EnumeratorCancellation] CancellationToken ct)
    {
        // One source at a time, so that a slow reader holds no connection.
        foreach (var id in sources)
        {
            var passages = await database.AllAsync(
                KnowledgeSql.Passages,
                row => new StoredPassage(id, row.GetInt32(0), row.GetString(1), row.GetString(2)),
                ct,
                ("@tenant_id", tenant),
                ("@source_id", id.ToString()));

            // A source never changes, and goes with all its passages: read second, it says that they were all there.
            if (await FindAsync(id, ct) is { } source) yield return (source, passages);
        }
    }

    private async ValueTask<long> AdvanceAsync(Link link)
    {
        link.Post(KnowledgeSql.Advance, ("@tenant_id", tenant));
        return await link.FirstAsync(KnowledgeSql.Version, static row => row.GetInt64(0), ("@tenant_id", tenant));
    }

    private async ValueTask<Fault?> OverQuotaAsync(Link link, KnowledgeSource source, KnowledgeSource? replaced, Limits limits)
    {
        var (concepts, bytes) = await link.FirstAsync(KnowledgeSql.Totals, static row => (row.GetInt64(0), row.GetInt64(1)), ("@tenant_id", tenant));
        concepts += source.Passages - (replaced?.Passages ?? 0);
        bytes += source.Bytes - (replaced?.Bytes ?? 0);
        if (concepts > limits.Concepts)
        {
            return Fault.OverLimit("concepts_limit_reached", $"This source would bring the tenant to {concepts:N0} concepts; its limit is {limits.Concepts:N0}. Forget a source, or ask for a higher limit.") with { Field = "limits.concepts" };
        }

        return bytes > limits.StorageBytes
            ? Fault.OverLimit("storage_limit_reached", $"This source would bring the tenant to {bytes:N0} stored bytes; its limit is {limits.StorageBytes:N0}. Forget a source, or ask for a higher limit.") with { Field = "limits.storage_bytes" }
            : null;
    }

    private void Insert(Link link, KnowledgeSource source, IReadOnlyList<StoredPassage> passages)
    {
        link.Post(
            KnowledgeSql.InsertSource,
            ("@tenant_id", tenant),
            ("@source_id", source.Id.ToString()),
            ("@name", source.Name),
            ("@content_hash", source.ContentHash),
            ("@media_type", source.MediaType),
            ("@bytes", source.Bytes),
            ("@passages", source.Passages),
            ("@metadata", Rows.ToJson(source.Metadata)),
            ("@learned_at", Instant.ToNumber(source.LearnedAt)));
        foreach (var passage in passages)
        {
            if (passage.Source != source.Id) throw new ArgumentException("A passage belongs to another source.", nameof(passages));
            link.Post(
                KnowledgeSql.InsertPassage,
                ("@tenant_id", tenant),
                ("@source_id", source.Id.ToString()),
                ("@ordinal", passage.Ordinal),
                ("@heading", passage.Heading),
                ("@text", passage.Text));
        }
    }

    private ValueTask<KnowledgeSource?> FindAsync(Link link, Id<KnowledgeSource> source) =>
        link.FirstAsync(KnowledgeSql.Find, Read, ("@tenant_id", tenant), ("@source_id", source.ToString()));

    private static KnowledgeSource Read(DbDataReader row) => new(
        row.Id<KnowledgeSource>(0),
        row.GetString(1),
        row.GetString(2),
        row.GetString(3),
        row.GetInt64(4),
        row.GetInt32(5),
        row.Json<IReadOnlyDictionary<string, string>>(6),
        row.Moment(7));
}
