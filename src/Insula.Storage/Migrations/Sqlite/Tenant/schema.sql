-- What the migrations of this folder make, taken from an empty file. Written by SchemaTests; not run by anything.

CREATE TABLE agent_versions (
  tenant_id text not null,
  agent_id text not null,
  version integer not null,
  definition text not null,
  updated_at bigint not null,
  primary key (tenant_id, agent_id, version),
  foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id) on delete cascade
);

CREATE TABLE agents (
  tenant_id text not null,
  agent_id text not null,
  name text not null,
  newest_version integer not null,
  created_at bigint not null,
  archived_at bigint,
  primary key (tenant_id, agent_id)
);

CREATE TABLE environments (
  tenant_id text not null,
  environment_id text not null,
  name text not null,
  description text,
  config text not null,
  metadata text not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint,
  primary key (tenant_id, environment_id)
);

CREATE TABLE events (
  tenant_id text not null,
  session_id text not null,
  seq bigint not null,
  event_id text not null,
  type text not null,
  body text not null,
  created_at bigint not null,
  processed_at bigint,
  epoch bigint not null,
  run_id text, principal text,
  primary key (tenant_id, session_id, seq),
  unique (tenant_id, event_id),
  foreign key (tenant_id, session_id) references sessions (tenant_id, session_id) on delete cascade
);

CREATE TABLE heads (
  tenant_id text not null,
  name text not null,
  version bigint not null,
  primary key (tenant_id, name)
);

CREATE TABLE knowledge_passages (
  tenant_id text not null,
  source_id text not null,
  ordinal integer not null,
  heading text not null,
  text text not null,
  primary key (tenant_id, source_id, ordinal),
  foreign key (tenant_id, source_id) references knowledge_sources (tenant_id, source_id) on delete cascade
);

CREATE TABLE knowledge_sources (
  tenant_id text not null,
  source_id text not null,
  name text not null,
  content_hash text not null,
  media_type text not null,
  bytes bigint not null,
  passages integer not null,
  metadata text not null,
  learned_at bigint not null,
  primary key (tenant_id, source_id),
  unique (tenant_id, name)
);

CREATE TABLE quota_counters (
  tenant_id text not null,
  kind text not null,
  used bigint not null,
  primary key (tenant_id, kind)
);

CREATE TABLE runs (
  tenant_id text not null,
  run_id text not null,
  session_id text not null,
  status text not null,
  stop_reason text,
  steps integer not null,
  started_at bigint not null,
  ended_at bigint, queued_at bigint not null default 0, input_tokens bigint not null default 0, output_tokens bigint not null default 0, cache_read_tokens bigint not null default 0, cache_write_tokens bigint not null default 0, error text,
  primary key (tenant_id, run_id),
  foreign key (tenant_id, session_id) references sessions (tenant_id, session_id) on delete cascade
);

CREATE TABLE schedule_firings (
  tenant_id text not null,
  firing_id text not null,
  schedule_id text not null,
  scheduled_for bigint not null,
  since bigint not null,
  moments bigint not null,
  is_manual integer not null,
  outcome text not null,
  reason text,
  settled_at bigint,
  session_id text,
  event_id text,
  primary key (tenant_id, firing_id),
  foreign key (tenant_id, schedule_id) references schedules (tenant_id, schedule_id) on delete cascade
);

CREATE TABLE schedules (
  tenant_id text not null,
  schedule_id text not null,
  agent_id text,
  definition text not null,
  paused_at bigint,
  settled_until bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (tenant_id, schedule_id)
);

CREATE TABLE schema_migrations (
  version integer not null primary key,
  name text not null,
  checksum text not null,
  applied_at integer not null
);

CREATE TABLE sessions (
  tenant_id text not null,
  session_id text not null,
  agent_id text not null,
  agent_version integer not null,
  agent text not null,
  environment_id text not null,
  title text,
  metadata text not null,
  budget text,
  status text not null,
  last_seq bigint not null,
  epoch bigint not null,
  pending_input integer not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  active_seconds double precision not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint, forked_from text, forked_at bigint, parent_session text, parent_run text, parent_call text, open_run_id text,
  primary key (tenant_id, session_id)
);

CREATE TABLE usage_outbox (
  tenant_id text not null,
  usage_id text not null,
  session_id text not null,
  run_id text not null,
  kind text not null,
  name text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  at bigint not null, agent_id text, principal text, reasoning_tokens bigint not null default 0, cost_micros bigint, price_version text,
  primary key (tenant_id, usage_id)
);

CREATE INDEX agents_by_age on agents (tenant_id, created_at, agent_id);

CREATE INDEX environments_by_age on environments (tenant_id, created_at, environment_id);

CREATE INDEX events_unprocessed on events (tenant_id, session_id, type) where processed_at is null;

CREATE INDEX knowledge_sources_by_age on knowledge_sources (tenant_id, learned_at, source_id);

CREATE INDEX runs_by_age on runs (tenant_id, queued_at, run_id);

CREATE INDEX runs_by_session on runs (tenant_id, session_id, started_at);

CREATE INDEX runs_not_over on runs (tenant_id, session_id) where status in ('queued', 'running', 'waiting');

CREATE INDEX schedule_firings_by_time on schedule_firings (tenant_id, schedule_id, scheduled_for, firing_id);

CREATE INDEX schedules_by_age on schedules (tenant_id, created_at, schedule_id);

CREATE INDEX sessions_by_age on sessions (tenant_id, created_at, session_id);

CREATE INDEX sessions_by_origin on sessions (tenant_id, forked_from) where forked_from is not null;

CREATE INDEX sessions_by_parent on sessions (tenant_id, parent_session) where parent_session is not null;
