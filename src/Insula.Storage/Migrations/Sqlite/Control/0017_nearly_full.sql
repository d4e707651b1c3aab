-- phase: expand
-- The quotas of a tenant that were nearly full at the last look, as a list in JSON.

alter table tenant_levels add column nearly_full text not null default '[]';
