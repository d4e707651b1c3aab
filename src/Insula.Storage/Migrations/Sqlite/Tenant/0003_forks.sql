-- Where a session comes from. A fork reads its first events from the session that it was made of, up to the one it names, so
-- that nothing is copied; a child session works for a call of another session's run. Null for a session that stands alone.

alter table sessions add column forked_from text;
alter table sessions add column forked_at bigint;
alter table sessions add column parent_session text;
alter table sessions add column parent_run text;
alter table sessions add column parent_call text;

create index sessions_by_origin on sessions (tenant_id, forked_from) where forked_from is not null;
create index sessions_by_parent on sessions (tenant_id, parent_session) where parent_session is not null;
