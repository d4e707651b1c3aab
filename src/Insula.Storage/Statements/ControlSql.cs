namespace Insula.Storage.Statements;

/// <summary>The small tables of the control store: operator keys, plans and the audit trail.</summary>
internal static class ControlSql
{
    public const string OperatorKeys = "select handle, hash, pepper_version, created_at from operator_keys order by created_at, handle";

    public const string AddOperatorKey =
        "insert into operator_keys (handle, hash, pepper_version, created_at) values (@handle, @hash, @pepper_version, @created_at)";

    public const string Plans = "select name, description, limits, features, placement from plans order by name";

    public const string PutPlan =
        """
        insert into plans (name, description, limits, features, placement) values (@name, @description, @limits, @features, @placement)
        on conflict (name) do update
        set description = excluded.description, limits = excluded.limits, features = excluded.features, placement = excluded.placement
        """;

    /// <summary>Takes the next number of a trail, and holds it until the commit.</summary>
    public const string AdvanceTrail =
        """
        insert into audit_heads (trail, seq) values (@trail, 1)
        on conflict (trail) do update set seq = audit_heads.seq + 1
        """;

    public const string AppendAudit =
        """
        insert into audit (trail, seq, principal_kind, principal_name, action, target, detail, at)
        select @trail, h.seq, @principal_kind, @principal_name, @action, @target, @detail, @at from audit_heads h where h.trail = @trail
        """;

    public const string ListAudit =
        """
        select seq, principal_kind, principal_name, action, target, detail, at from audit
        where trail = @trail and seq < @after_seq
        order by seq desc
        limit @limit
        """;
}
