-- phase: expand
-- A tenant's store. tenant_id stands first in every key, so that all placements have one schema and a move is one copy.
-- Moments are whole 100 ns since 1970 (UTC); ids are their text; bodies, configurations and metadata are JSON.

create table agents (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  name text collate "C" not null,
  newest_version integer not null,
  created_at bigint not null,
  archived_at bigint,
  primary key (tenant_id, agent_id)
);

create index agents_by_age on agents (tenant_id, created_at, agent_id);

create table agent_versions (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  version integer not null,
  definition text collate "C" not null,
  updated_at bigint not null,
  primary key (tenant_id, agent_id, version),
  foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id) on delete cascade
);

create table environments (
  tenant_id text collate "C" not null,
  environment_id text collate "C" not null,
  name text collate "C" not null,
  description text collate "C",
  config text collate "C" not null,
  metadata text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint,
  primary key (tenant_id, environment_id)
);

create index environments_by_age on environments (tenant_id, created_at, environment_id);

-- No reference to agents or environments: a session keeps a snapshot of the one and outlives the other.
create table sessions (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  agent_id text collate "C" not null,
  agent_version integer not null,
  agent text collate "C" not null,
  environment_id text collate "C" not null,
  title text collate "C",
  metadata text collate "C" not null,
  budget text collate "C",
  status text collate "C" not null,
  last_seq bigint not null,
  epoch bigint not null,
  pending_input boolean not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  active_seconds double precision not null,
  created_at bigint not null,
  updated_at bigint not null,
  archived_at bigint,
  primary key (tenant_id, session_id)
);

create index sessions_by_age on sessions (tenant_id, created_at, session_id);

create table events (
  tenant_id text collate "C" not null,
  session_id text collate "C" not null,
  seq bigint not null,
  event_id text collate "C" not null,
  type text collate "C" not null,
  body text collate "C" not null,
  created_at bigint not null,
  processed_at bigint,
  epoch bigint not null,
  run_id text collate "C",
  primary key (tenant_id, session_id, seq),
  unique (tenant_id, event_id),
  foreign key (tenant_id, session_id) references sessions (tenant_id, session_id) on delete cascade
);

-- Small at all times: only input that no run has taken up.
create index events_unprocessed on events (tenant_id, session_id, type) where processed_at is null;

create table runs (
  tenant_id text collate "C" not null,
  run_id text collate "C" not null,
  session_id text collate "C" not null,
  status text collate "C" not null,
  stop_reason text collate "C",
  steps integer not null,
  started_at bigint not null,
  ended_at bigint,
  primary key (tenant_id, run_id),
  foreign key (tenant_id, session_id) references sessions (tenant_id, session_id) on delete cascade
);

create index runs_by_session on runs (tenant_id, session_id, started_at);

-- Waits to be shipped to the ledger. No reference to sessions: what was used is owed after the session is gone.
create table usage_outbox (
  tenant_id text collate "C" not null,
  usage_id text collate "C" not null,
  session_id text collate "C" not null,
  run_id text collate "C" not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_write_tokens bigint not null,
  at bigint not null,
  primary key (tenant_id, usage_id)
);

create table knowledge_sources (
  tenant_id text collate "C" not null,
  source_id text collate "C" not null,
  name text collate "C" not null,
  content_hash text collate "C" not null,
  media_type text collate "C" not null,
  bytes bigint not null,
  passages integer not null,
  metadata text collate "C" not null,
  learned_at bigint not null,
  primary key (tenant_id, source_id),
  unique (tenant_id, name)
);

create index knowledge_sources_by_age on knowledge_sources (tenant_id, learned_at, source_id);

create table knowledge_passages (
  tenant_id text collate "C" not null,
  source_id text collate "C" not null,
  ordinal integer not null,
  heading text collate "C" not null,
  text text collate "C" not null,
  primary key (tenant_id, source_id, ordinal),
  foreign key (tenant_id, source_id) references knowledge_sources (tenant_id, source_id) on delete cascade
);
