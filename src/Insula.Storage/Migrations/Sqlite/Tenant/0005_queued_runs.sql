-- A run is there from the moment its message is in the log: 'queued', with started_at 0 until a worker takes it up. What it used
-- and why it failed stand with it, and a session names the run that it has open.

alter table runs add column queued_at bigint not null default 0;
alter table runs add column input_tokens bigint not null default 0;
alter table runs add column output_tokens bigint not null default 0;
alter table runs add column cache_read_tokens bigint not null default 0;
alter table runs add column cache_write_tokens bigint not null default 0;
alter table runs add column error text;
alter table sessions add column open_run_id text;
update runs set queued_at = started_at;
create index runs_by_age on runs (tenant_id, queued_at, run_id);
create index runs_not_over on runs (tenant_id, session_id) where status in ('queued', 'running', 'waiting');
