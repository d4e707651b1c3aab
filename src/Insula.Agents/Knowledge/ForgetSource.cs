using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Knowledge;

/// <summary>Forgets a source with all its passages. No query that begins after it returned finds them, on any node.</summary>
public sealed class ForgetSource(KnowledgeBases bases, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Done>> ForgetAsync(TenantScope scope, Id<KnowledgeSource> id, CancellationToken ct)
    {
        var removed = await bases.ChangeAsync(
            scope,
            // Once begun the change is carried to its end: a caller who leaves must not leave it in doubt and unnoted.
            async store =>
            {
                var version = await store.RemoveAsync(id, CancellationToken.None);
                return new KnowledgeChange<bool>(version is not null, version, view => view.Forget(id.ToString()));
            },
            ct);
        if (!removed) return KnowledgeRules.NotFound;

        // It is forgotten, whether the caller still waits or not, so it is noted either way.
        await audit.AppendAsync(scope, "knowledge.forget", id.ToString(), time.GetUtcNow(), CancellationToken.None);
        return default(Done);
    }
}
