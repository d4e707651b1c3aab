using System.Runtime.CompilerServices;
using Insula.Agents.Knowledge;
using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.TenantData;

internal sealed class KnowledgeStore(SqliteFile file, string tenant) : IKnowledgeStore
{
    public Task<KnowledgeSource?> FindByNameAsync(string name, CancellationToken ct) => file.ReadAsync(link => FindByName(link, name), ct);

    public Task<KnowledgeSource?> FindAsync(Id<KnowledgeSource> source, CancellationToken ct) => file.ReadAsync(link => Find(link, source), ct);

    public Task<Result<Done>> AddAsync(KnowledgeSource source, IReadOnlyList<StoredPassage> passages, Id<KnowledgeSource>? replaces, Limits limits, CancellationToken ct)
    {
        if (source.Passages != passages.Count) throw new ArgumentException("The source counts other passages than are given.", nameof(passages));
        return file.WriteAsync<Result<Done>>(
            link =>
            {
                var replaced = replaces is { } old ? Find(link, old) : null;
                if (FindByName(link, source.Name) is { } holder && holder.Id != replaced?.Id)
                    return Fault.Conflict("source_changed", "A source of this name was learned at the same time. Try again.");
                if (OverQuota(link, source, replaced, limits) is { } fault) return fault;
                if (replaced is not null) Delete(link, replaced.Id);
                Insert(link, source, passages);
                return new Done();
            },
            ct);
    }

    public Task<bool> RemoveAsync(Id<KnowledgeSource> source, CancellationToken ct) => file.WriteAsync(link => Delete(link, source), ct);

    public Task<Page<KnowledgeSource>> ListAsync(PageRequest page, CancellationToken ct)
    {
        var list = $"sources {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        return file.ReadAsync(
            link => Pages.Cut(
                link.All(
                    KnowledgeSql.List,
                    Read,
                    ("@tenant_id", tenant),
                    ("@after_at", after.At),
                    ("@after_id", after.Id),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(Instant.ToNumber(last.LearnedAt), last.Id.ToString()).ToText(list)),
            ct);
    }

    public async IAsyncEnumerable<(KnowledgeSource Source, StoredPassage Passage)> ReadAllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // A source never changes, so reading one at a time gives each whole or, when it went meanwhile, not at all;
        // and a slow reader holds no read connection.
        var ids = await file.ReadAsync(link => link.All(KnowledgeSql.ListIds, static row => row.Id<KnowledgeSource>(0), ("@tenant_id", tenant)), ct);
        foreach (var id in ids)
        {
            var (source, passages) = await file.ReadAsync(link => ReadWhole(link, id), ct);
            if (source is null) continue;
            foreach (var passage in passages) yield return (source, passage);
        }
    }

    private (KnowledgeSource? Source, List<StoredPassage> Passages) ReadWhole(SqliteLink link, Id<KnowledgeSource> id)
    {
        link.Run("begin");
        try
        {
            var source = Find(link, id);
            var passages = link.All(
                KnowledgeSql.Passages,
                row => new StoredPassage(id, row.GetInt32(0), row.GetString(1), row.GetString(2)),
                ("@tenant_id", tenant),
                ("@source_id", id.ToString()));
            return (source, passages);
        }
        finally
        {
            link.Run("commit");
        }
    }

    private Fault? OverQuota(SqliteLink link, KnowledgeSource source, KnowledgeSource? replaced, Limits limits)
    {
        var (concepts, bytes) = link.First(KnowledgeSql.Totals, static row => (row.GetInt64(0), row.GetInt64(1)), ("@tenant_id", tenant));
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

    private void Insert(SqliteLink link, KnowledgeSource source, IReadOnlyList<StoredPassage> passages)
    {
        link.Run(
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
            link.Run(
                KnowledgeSql.InsertPassage,
                ("@tenant_id", tenant),
                ("@source_id", source.Id.ToString()),
                ("@ordinal", passage.Ordinal),
                ("@heading", passage.Heading),
                ("@text", passage.Text));
        }
    }

    private KnowledgeSource? FindByName(SqliteLink link, string name) => link.First(KnowledgeSql.FindByName, Read, ("@tenant_id", tenant), ("@name", name));

    private KnowledgeSource? Find(SqliteLink link, Id<KnowledgeSource> source) =>
        link.First(KnowledgeSql.Find, Read, ("@tenant_id", tenant), ("@source_id", source.ToString()));

    private bool Delete(SqliteLink link, Id<KnowledgeSource> source) =>
        link.Run(KnowledgeSql.Delete, ("@tenant_id", tenant), ("@source_id", source.ToString())) > 0;

    private static KnowledgeSource Read(SqliteDataReader row) => new(
        row.Id<KnowledgeSource>(0),
        row.GetString(1),
        row.GetString(2),
        row.GetString(3),
        row.GetInt64(4),
        row.GetInt32(5),
        row.Json<IReadOnlyDictionary<string, string>>(6),
        row.Moment(7));
}
