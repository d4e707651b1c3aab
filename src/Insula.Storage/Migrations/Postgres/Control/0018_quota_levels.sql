-- phase: expand
-- All quotas of a tenant as they were at the last look, as a list in JSON: limits change while nobody looks.

alter table tenant_levels add column quotas text collate "C" not null default '[]';
